import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { assaySystem } from "./system.ts";

/** Assay on a network that has a stake token. The parameters name every account: none of them has a default. */
export default buildModule("Assay", (m) =>
  assaySystem(m, {
    stakeToken: m.getParameter<string>("stakeToken"),
    accounts: {
      treasury: m.getParameter<string>("treasury"),
      admin: m.getParameter<string>("admin"),
      guardian: m.getParameter<string>("guardian"),
    },
  }),
);
