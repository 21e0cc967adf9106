import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import Assay from "./Assay.ts";

/** Last step of a deployment whose administrator isn't the deployer: the deployer gives up its role, for ever. */
export default buildModule("AssayHandover", (m) => {
  const { authority } = m.useModule(Assay);
  m.call(authority, "renounceRole", [0n, m.getAccount(0)]);
  return { authority };
});
