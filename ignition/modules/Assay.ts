import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { assaySystem } from "./system.ts";

/** Assay on a network that has a stake token; parameters in ignition/parameters/. */
export default buildModule("Assay", (m) => assaySystem(m, m.getParameter<string>("stakeToken")));
