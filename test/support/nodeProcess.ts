import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { NodeStats } from "../../oracle/node.ts";

interface Message {
  ready?: boolean;
  stats?: NodeStats;
  failure?: { name: string; message: string };
}

export interface NodeProcess {
  /** Rejects with the node's own message where it refuses to start. */
  ready: Promise<void>;
  stats: NodeStats | undefined;
  /** What it has written to standard output and standard error. */
  output: string;
  /** How the process ended: a code, or the signal that killed it. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(): Promise<void>;
  /** Stands still until it is let go on. */
  pause(): void;
  goOn(): void;
}

/** @param env variables for this process, beside those of the test. @param execArgv options of Node.js itself. */
export function startNodeProcess(config: string, env: Record<string, string> = {}, execArgv: string[] = []): NodeProcess {
  const child = fork(fileURLToPath(new URL("nodeMain.ts", import.meta.url)), [config], {
    env: { ...process.env, ...env },
    execArgv,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const ended = once(child, "exit").then(([code, signal]) => {
    ready.reject(new Error(`the node ended (${String(signal ?? code)}) before it was ready`));
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const node: NodeProcess = {
    ready: ready.promise,
    stats: undefined,
    output: "",
    ended,
    stop() {
      child.kill("SIGTERM");
      return ended;
    },
    pause() {
      child.kill("SIGSTOP");
    },
    goOn() {
      child.kill("SIGCONT");
    },
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      node.output += text;
      if (process.env.ASSAY_TEST_LOG !== undefined) process.stderr.write(text);
    });
  }
  child.on("message", ({ ready: isReady, stats, failure }: Message) => {
    if (isReady === true) ready.resolve();
    if (stats !== undefined) node.stats = stats;
    if (failure !== undefined) ready.reject(Object.assign(new Error(failure.message), { name: failure.name }));
  });
  return node;
}
