import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { IgnitionModuleBuilder } from "@nomicfoundation/ignition-core";

/** Deploys the step verifier and its kernels; they have no parameters, no roles and no owner. */
export function stepVerifier(m: IgnitionModuleBuilder) {
  const functionKernel = m.contract("FunctionKernel");
  const sumKernel = m.contract("SumKernel");
  const mapKernel = m.contract("MapKernel", [functionKernel]);
  const contractionKernel = m.contract("ContractionKernel", [functionKernel, sumKernel]);
  const reductionKernel = m.contract("ReductionKernel", [functionKernel, sumKernel]);
  const choiceKernel = m.contract("ChoiceKernel");
  return { stepVerifier: m.contract("StepVerifier", [mapKernel, contractionKernel, reductionKernel, choiceKernel]) };
}

export default buildModule("StepVerifier", stepVerifier);
