import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { assaySystem } from "./system.ts";

/** Assay on a local network, with a stake token that anyone may mint; it is allowed as a fee token, too. */
export default buildModule("AssayLocal", (m) => {
  const stakeToken = m.contract("TestToken");
  return { stakeToken, ...assaySystem(m, stakeToken, [stakeToken]) };
});
