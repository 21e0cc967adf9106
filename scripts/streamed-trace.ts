// Evaluates a program whose trace is larger than memory may be, hashes it as it is made, and opens leaves of it by a file.
// `--gigabytes N` (4 by default), `--keep` to write the trace to a file and check openings of it, `--json`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { leafHash, nodeHash } from "../oracle/core/traceTree.ts";
import { createEvaluator } from "../oracle/canonical/evaluate.ts";
import type { IndexedAccess, MapInstruction, Program } from "../oracle/canonical/program/types.ts";
import type { Trace } from "../oracle/canonical/trace/trace.ts";

const { values } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "4" },
    keep: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const bytes = Number(values.gigabytes) * 2 ** 30;

/** Words of each instruction's output: 64 MiB. */
const words = 2 ** 24;

/** A chain: each instruction adds a constant to what the one before gave. */
function chain(length: number): Program {
  const instructions = Array.from({ length }, (_, i): MapInstruction => {
    const access: IndexedAccess =
      i === 0
        ? { space: "weights", offset: 0, strides: [0, 1], bounds: [], indices: [] }
        : { space: "trace", offset: (i - 1) * words, strides: [64, 1], bounds: [], indices: [] };
    return {
      kind: "map",
      outLeaf: (i * words) / 64,
      dims: [words / 64, 64],
      operands: [{ pad: 0, accesses: [access] }],
      constants: [0x3f800001 + i],
      ops: [{ op: "iadd", args: [0, 1] }],
    };
  });
  return { inputs: [], outputs: [{ dtype: "int32", shape: [4], offset: (length - 1) * words }], instructions, weightLeaves: 1 };
}

function checkOpening(trace: Trace, index: number): void {
  const { leaf, path } = trace.open(index);
  let hash = leafHash(leaf);
  path.forEach((sibling, height) => {
    hash = Math.floor(index / 2 ** height) % 2 === 1 ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  });
  if (Buffer.compare(hash, trace.node(trace.depth, 0)) !== 0) throw new Error(`leaf ${index} does not open`);
}

const program = chain(Math.ceil(bytes / (4 * words)));
const evaluator = createEvaluator(
  program,
  Uint32Array.from({ length: 64 }, (_, i) => i),
);
const directory = mkdtempSync(join(tmpdir(), "assay-trace-"));
try {
  const { milliseconds, traceRoot, trace } = await evaluator.evaluate([], values.keep ? { keep: { file: join(directory, "trace") } } : {});
  if (trace !== undefined) {
    for (let i = 0; i < 64; i++) checkOpening(trace, Math.floor(((trace.leaves - 1) * i) / 63));
    trace.close();
  }
  const megabytes = process.resourceUsage().maxRSS / 1024;
  const seconds = milliseconds / 1000;
  const root = `0x${Buffer.from(traceRoot).toString("hex")}`;
  if (values.json) process.stdout.write(`${JSON.stringify({ bytes, megabytes, seconds, traceRoot: root })}\n`);
  else
    process.stdout.write(`${bytes} bytes in ${seconds.toFixed(1)} s, at most ${megabytes.toFixed(0)} MiB resident, trace root ${root}\n`);
} finally {
  await evaluator.close();
  rmSync(directory, { recursive: true });
}
