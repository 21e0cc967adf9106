import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { Caller } from "../oracle/chain/clz.ts";
import { wholeNumber, type ModuleParameters } from "./faults.ts";
import Assay from "./modules/Assay.ts";
import AssayLocal from "./modules/AssayLocal.ts";

/**
 * Deploys the module with the same parameters on a chain in this process, so that the contracts themselves say what they refuse.
 * @param site the real chain, for the stake token's code.
 * @throws what the first contract says that refuses.
 */
export async function rehearse(hre: HardhatRuntimeEnvironment, parameters: ModuleParameters, site: Caller): Promise<void> {
  const { stakeToken } = parameters;
  const connection = await hre.network.create({ network: "default" });
  try {
    const { provider, ignition } = connection;
    if (typeof stakeToken === "string") {
      await provider.request({
        method: "hardhat_setCode",
        params: [stakeToken, await site.call<string>("eth_getCode", [stakeToken, "latest"])],
      });
    }
    const values = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, wholeNumber(value) ?? value!]));
    if (stakeToken === undefined) await ignition.deploy(AssayLocal, { parameters: { AssayLocal: values } });
    else await ignition.deploy(Assay, { parameters: { Assay: values } });
  } finally {
    await connection.close();
  }
}
