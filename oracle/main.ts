#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { exitCodes } from "./cli/exitCodes.ts";

// Halves the time until a verb begins; where the directory can't be written, nothing is cached.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/compile", import.meta.url)));
const { runCommandLine } = await import("./cli/program.ts");

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    // A second signal means now.
    if (stop.signal.aborted) process.exit(exitCodes.interrupted);
    stop.abort(new Error(`stopped by ${name}`));
  });
}
// The reader of our output may leave early (`| head`).
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? exitCodes.ok : exitCodes.unexpected));

process.exitCode = await runCommandLine(process.argv.slice(2), { out: process.stdout, err: process.stderr, signal: stop.signal });
// What a provider never answers, or never closes, must not keep the process.
setTimeout(() => process.exit(), 1000).unref();
