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

/**
 * The local chain's time follows the wall clock, so what has a clock here gets ten times what an idle machine could ever need; tests that
 * want a clock to run out move the chain's time. Seconds.
 */
const patientClocks = { defendTime: 400, clock: 600, moveTime: 200 };

/** For scenes with many disputes at once: more than anything here is waited for. Seconds. */
export const unhurried = { defendTime: 3600, clock: 3600, moveTime: 1200 };

/**
 * A local network for one test file, run through the command line.
 * @param parameters replaced in the local network's, besides its clocks.
 */
export async function startNetwork(parameters: Readonly<Record<string, number>> = {}): Promise<Network> {
  const directory = mkdtempSync(join(tmpdir(), "assay-e2e-"));
  const processes = new Processes(directory);
  const system = await LocalSystem.start(directory, processes, { parameters: { ...patientClocks, ...parameters } });
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
