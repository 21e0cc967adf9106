/** Where a trace's words are kept after an evaluation. */
import { closeSync, readSync } from "node:fs";
import { leafBytes } from "../../core/traceTree.ts";
import { TraceError, type TraceSource } from "./trace.ts";

/** @param bytes the whole trace. */
export function memorySource(bytes: Uint8Array): TraceSource {
  return {
    read: (first, count) => bytes.subarray(first * leafBytes, (first + count) * leafBytes),
    close: () => undefined,
  };
}

/** @param file descriptor of an open file that holds the whole trace; `close` closes it. */
export function fileSource(file: number): TraceSource {
  return {
    read: (first, count) => {
      const bytes = new Uint8Array(count * leafBytes);
      for (let at = 0; at < bytes.length;) {
        const read = readSync(file, bytes, at, bytes.length - at, first * leafBytes + at);
        if (read === 0) throw new TraceError(`the trace's file ends before leaf ${first + count}; evaluate again`);
        at += read;
      }
      return bytes;
    },
    close: () => closeSync(file),
  };
}
