/**
 * A thread of the child process that ends it where its main thread can't: while ONNX Runtime computes, nothing else runs there.
 * It watches the memory that is really used, and whether the node is still alive.
 */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { memoryLimitMark } from "./protocol.ts";

const { memoryLimitBytes, parent } = workerData as { memoryLimitBytes: number; parent: number };
const intervalMs = 20;

setInterval(() => {
  const used = process.memoryUsage.rss();
  if (used > memoryLimitBytes) writeSync(2, `\n${memoryLimitMark}: ${used} of ${memoryLimitBytes} bytes\n`);
  if (used > memoryLimitBytes || process.ppid !== parent) process.kill(process.pid, "SIGKILL");
}, intervalMs);
