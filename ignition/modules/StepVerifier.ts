import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { stepSystem } from "./system.ts";

/** The step verifier and its kernels alone. */
export default buildModule("StepVerifier", stepSystem);
