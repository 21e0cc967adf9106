import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalSystem } from "../../scripts/local/localSystem.ts";
import { Processes, runAssay } from "../../scripts/local/processes.ts";

export interface Network {
  directory: string;
  system: LocalSystem;
  processes: Processes;
  /** Runs a verb against this network as a process of its own, with `--json`. @returns what it printed; fails where it didn't end well. */
  assay(...args: string[]): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** A local network for one test file, run through the command line. */
export async function startNetwork(): Promise<Network> {
  const directory = mkdtempSync(join(tmpdir(), "assay-e2e-"));
  const processes = new Processes(directory);
  const system = await LocalSystem.start(directory, processes);
  const assay = async (...args: string[]) => {
    const { code, out, err } = await runAssay([...args, "--deployment", system.deploymentFile, "--json"]);
    assert.equal(code, 0, `assay ${args.join(" ")}\n${err}${out}`);
    return JSON.parse(out) as Record<string, unknown>;
  };
  const close = async () => {
    system.close();
    await processes.stopAll();
    rmSync(directory, { recursive: true, force: true });
  };
  return { directory, system, processes, assay, close };
}
