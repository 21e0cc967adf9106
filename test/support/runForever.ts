// Runs an endless model in a child process until it is killed; prints a line once it computes. Argument: the model's file.
import { readFile } from "node:fs/promises";
import { keccak256 } from "../../oracle/core/traceTree.ts";
import { Runtime } from "../../oracle/runtime/runtime.ts";

const path = process.argv[2]!;
const hash = `0x${Buffer.from(keccak256(await readFile(path))).toString("hex")}`;
const log = { info: () => undefined, warn: () => undefined };
const runtime = await Runtime.start({ providers: ["cpu"], workers: 1, memoryLimitBytes: 1 << 29, log });
await runtime.load({ hash, path });
setTimeout(() => process.stdout.write("running\n"), 100);
await runtime.run(hash, [{ dtype: "float32", shape: [1], data: new Uint8Array(4) }], { timeoutMs: 600_000 });
