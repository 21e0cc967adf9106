import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface Call {
  id: number;
  method: string;
  params: unknown[];
}

export interface Reply {
  id: number;
  result?: unknown;
  error?: { code: number; message: string };
}

/** What the provider does to a request, or to the reply of a healthy one. */
export interface Faults {
  /** Returns an HTTP status to answer with instead (or a status and a text), "reset" to cut the connection, or "hang" never to answer. */
  refuse?: (calls: Call[]) => number | { status: number; body: string } | "reset" | "hang" | undefined;
  reply?: (call: Call, reply: Reply) => Reply;
}

/** A provider that passes everything on to a real one and misbehaves as it is told. */
export async function startFaultyProvider(
  upstream: string,
): Promise<{ url: string; faults: Faults; refused: number; close(): Promise<void> }> {
  const provider = { url: "", faults: {} as Faults, refused: 0, close: async () => undefined as void };
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await json(request)) as Call | Call[];
    const calls = Array.isArray(body) ? body : [body];
    const refusal = provider.faults.refuse?.(calls);
    if (refusal !== undefined) {
      provider.refused++;
      if (refusal === "reset") request.socket.destroy();
      else if (typeof refusal === "number") response.writeHead(refusal).end("{}");
      else if (refusal !== "hang") response.writeHead(refusal.status).end(refusal.body);
      return;
    }
    const healthy = await fetch(upstream, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = (await healthy.json()) as Reply | Reply[];
    const replies = (Array.isArray(text) ? text : [text]).map((reply) => {
      const call = calls.find(({ id }) => id === reply.id)!;
      return provider.faults.reply?.(call, reply) ?? reply;
    });
    response.setHeader("content-type", "application/json").end(JSON.stringify(Array.isArray(body) ? replies : replies[0]));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  provider.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  provider.close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return provider;
}

const noBloom = `0x${"0".repeat(512)}`;

interface RawLog {
  topics: string[];
  transactionHash: string;
  logIndex: string;
}

/**
 * Replies of `eth_getLogs` without logs of some kinds.
 * @param kinds their first topics. @param times how many logs are left out before the provider is well again.
 * @param options `hideBlooms`: the blocks' headers show no logs at all, so that they can't tell either.
 */
export function leaveOutLogs(
  kinds: string | readonly string[],
  times: number,
  { hideBlooms = false } = {},
): { fault: Required<Faults>["reply"]; leftOut: number } {
  const state = { leftOut: 0, fault };
  function fault(call: Call, reply: Reply): Reply {
    const { result } = reply;
    if (hideBlooms && call.method.startsWith("eth_getBlockBy") && result !== null && typeof result === "object") {
      return { ...reply, result: { ...result, logsBloom: noBloom } };
    }
    if (call.method !== "eth_getLogs" || !Array.isArray(result)) return reply;
    const kept = (result as RawLog[]).filter(({ topics }) => !kinds.includes(topics[0]!) || state.leftOut >= times || ++state.leftOut < 0);
    return { ...reply, result: kept };
  }
  return state;
}
