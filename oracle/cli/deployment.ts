import type { Command } from "commander";
import { addDeploymentCheck } from "./deploymentCheck.ts";
import type { Terminal } from "./verb.ts";

export function addDeployment(program: Command, terminal: Terminal): void {
  const parent = program.command("deployment").description("Deployed contracts: whether they are what their parameters say.");
  addDeploymentCheck(parent, terminal);
}
