import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface TestChain {
  http: string;
  ws: string;
  chainId: number;
  rpc<T>(method: string, ...params: unknown[]): Promise<T>;
  close(): Promise<void>;
}

/** @param options `blockSeconds`: time between blocks while nobody sends anything; 0: none are mined then. */
export async function startChain(options: { chainId?: number; blockSeconds?: number } = {}): Promise<TestChain> {
  const { chainId = 31337, blockSeconds = 0 } = options;
  const script = fileURLToPath(new URL("chainServer.ts", import.meta.url));
  const child: ChildProcess = fork(script, [JSON.stringify({ chainId, blockSeconds })], { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout! }), "line"),
    once(child, "exit").then(() => Promise.reject(new Error("the local chain did not start"))),
  ])) as [string];
  const http = `http://127.0.0.1:${line}`;
  return {
    http,
    ws: `ws://127.0.0.1:${line}`,
    chainId,
    async rpc<T>(method: string, ...params: unknown[]): Promise<T> {
      const response = await fetch(http, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      });
      const { result, error } = (await response.json()) as { result: T; error?: { message: string } };
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result;
    },
    async close(): Promise<void> {
      if (child.exitCode !== null) return;
      child.kill();
      await once(child, "exit");
    },
  };
}
