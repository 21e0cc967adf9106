import { writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { keyOf, type TestSystem } from "./deployment.ts";

/** Writes a configuration for the system's operator. @returns its path. */
export function writeConfig(
  system: TestSystem,
  folder: string,
  over: {
    rpc?: string[];
    timeoutMilliseconds?: number;
    keyIndex?: number;
    dataDirectory?: string;
    locks?: string;
    confirmations?: number;
    files?: string;
  } = {},
): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "operator.key"), keyOf(over.keyIndex ?? 1));
  const config = {
    dataDirectory: over.dataDirectory ?? "data",
    lockDirectory: over.locks ?? join(folder, "locks"),
    chain: {
      rpc: over.rpc ?? [system.chain.http],
      confirmations: over.confirmations ?? 0,
      pollMilliseconds: 20,
      timeoutMilliseconds: over.timeoutMilliseconds ?? 10_000,
    },
    contracts: { ...system.deployment },
    operator: { keyFile: "operator.key" },
    scheduler: { submitMarginSeconds: 2 },
    content: { allowedFileRoots: [over.files ?? folder] },
    log: { level: process.env.ASSAY_TEST_LOG ?? "silent" },
    shutdown: { graceMilliseconds: 3000 },
  };
  const path = join(folder, "assay.toml");
  writeFileSync(path, stringify(config));
  return path;
}
