import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { assaySystem } from "./system.ts";

/** Assay on a local network, administered by the deployer, with a stake token that anyone may mint; it is allowed as a fee token, too. */
export default buildModule("AssayLocal", (m) => {
  const stakeToken = m.contract("TestToken");
  const deployer = m.getAccount(0);
  const accounts = { treasury: deployer, admin: deployer, guardian: deployer };
  return { stakeToken, ...assaySystem(m, { stakeToken, accounts, feeTokens: [stakeToken] }) };
});
