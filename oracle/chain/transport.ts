import { setTimeout as sleep } from "node:timers/promises";

export interface RpcCall {
  method: string;
  params: unknown[];
}

/** A node's answer to one call: its result, or its refusal. */
export type RpcReply = { result: unknown } | { error: RpcError };

/** The provider answered, and refused. */
export class RpcError extends Error {
  override name = "RpcError";
  readonly code: number;
  /** Revert data, where the provider passed it on. */
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }

  /** Whether the same call may work later or elsewhere. */
  get retryable(): boolean {
    return this.code === 429 || this.code === -32005 || this.code === -32016 || /rate limit|too many requests|capacity/i.test(this.message);
  }
}

/** The provider did not answer, or not in JSON-RPC. */
export class TransportError extends Error {
  override name = "TransportError";
}

/** One provider. */
export interface Transport {
  /** For people: the URL without what may be secret in it. */
  readonly name: string;
  /** @throws TransportError */
  send(calls: readonly RpcCall[], timeoutMs: number): Promise<RpcReply[]>;
  /** Calls `listener` at every new head where the provider can tell; a call says only "look". */
  watchHeads?(listener: () => void): void;
  close(): void;
}

interface RawReply {
  id?: number;
  method?: string;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

const toReply = ({ result, error }: RawReply): RpcReply =>
  error === undefined ? { result } : { error: new RpcError(error.code, error.message, error.data) };

/** Keys are often part of a provider's path or query. */
const publicName = (url: string) => new URL(url).host;

export function createTransport(url: string): Transport {
  const { protocol } = new URL(url);
  if (protocol === "http:" || protocol === "https:") return new HttpTransport(url);
  if (protocol === "ws:" || protocol === "wss:") return new WebSocketTransport(url);
  throw new TypeError(`${publicName(url)}: ${protocol} is not http, https, ws or wss`);
}

class HttpTransport implements Transport {
  readonly name: string;
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
    this.name = publicName(url);
  }

  async send(calls: readonly RpcCall[], timeoutMs: number): Promise<RpcReply[]> {
    const payload = calls.map(({ method, params }, id) => ({ jsonrpc: "2.0", id, method, params }));
    let status: number;
    let text: string;
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(payload.length === 1 ? payload[0] : payload),
        signal: AbortSignal.timeout(timeoutMs),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw new TransportError(`${this.name} did not answer (${reasonOf(error)})`, { cause: error });
    }
    if (status === 429) return calls.map(() => ({ error: new RpcError(429, `${this.name} limits the rate of calls`, undefined) }));
    return collect(this.name, calls.length, parse(this.name, status, text));
  }

  close(): void {}
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

function parse(name: string, status: number, text: string): RawReply[] {
  try {
    const parsed = JSON.parse(text) as RawReply | RawReply[];
    return Array.isArray(parsed) ? parsed : [parsed];
  } catch (error) {
    throw new TransportError(`${name} answered with status ${status} and no JSON: ${text.slice(0, 200)}`, { cause: error });
  }
}

/** Replies come in any order; one may stand for a whole refused batch. */
function collect(name: string, count: number, replies: RawReply[]): RpcReply[] {
  const refusal = replies.length === 1 ? replies[0]! : undefined;
  if (refusal?.error !== undefined && (refusal.id === undefined || refusal.id === null)) return Array(count).fill(toReply(refusal));
  const byId = new Map(replies.map((reply) => [reply.id, reply]));
  return Array.from({ length: count }, (_, id) => {
    const reply = byId.get(id);
    if (reply === undefined) throw new TransportError(`${name} left out the reply to call ${id + 1} of ${count}`);
    return toReply(reply);
  });
}

interface Waiting {
  resolve(reply: RpcReply): void;
  reject(error: Error): void;
}

class WebSocketTransport implements Transport {
  readonly name: string;
  readonly #url: string;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Promise<WebSocket> | undefined;
  #nextId = 0;
  #listener: (() => void) | undefined;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
    this.name = publicName(url);
  }

  async send(calls: readonly RpcCall[], timeoutMs: number): Promise<RpcReply[]> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const ids: number[] = [];
    const expired = new Promise<never>((_, reject) => {
      deadline.addEventListener("abort", () => reject(new TransportError(`${this.name} did not answer in ${timeoutMs} ms`)), {
        once: true,
      });
    });
    try {
      const socket = await Promise.race([this.#connect(), expired]);
      const replies = calls.map(({ method, params }) => {
        const id = this.#nextId++;
        ids.push(id);
        const reply = new Promise<RpcReply>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
        return reply;
      });
      return await Promise.race([Promise.all(replies), expired]);
    } finally {
      for (const id of ids) this.#waiting.delete(id);
      // Nobody listens any more: its rejection must not count as unhandled.
      expired.catch(() => undefined);
    }
  }

  watchHeads(listener: () => void): void {
    this.#listener = listener;
    void this.#keepWatching();
  }

  close(): void {
    this.#closed = true;
    void this.#socket?.then(
      (socket) => socket.close(),
      () => undefined,
    );
  }

  /** A lost connection is made again: polling goes on meanwhile, so a head is only seen later. */
  async #keepWatching(): Promise<void> {
    while (!this.#closed) {
      try {
        const socket = await this.#connect();
        await this.send([{ method: "eth_subscribe", params: ["newHeads"] }], 10_000);
        this.#listener?.();
        await new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
      }
      await sleep(1000, undefined, { ref: false });
    }
  }

  #connect(): Promise<WebSocket> {
    this.#socket ??= new Promise<WebSocket>((resolve, reject) => {
      const socket = new WebSocket(this.#url);
      socket.addEventListener("open", () => resolve(socket));
      socket.addEventListener("message", ({ data }) => this.#receive(String(data)));
      socket.addEventListener("close", () => {
        this.#socket = undefined;
        const error = new TransportError(`${this.name} closed the connection`);
        reject(error);
        for (const { reject: fail } of this.#waiting.values()) fail(error);
        this.#waiting.clear();
      });
      // "close" follows and says the same.
      socket.addEventListener("error", () => undefined);
    });
    return this.#socket;
  }

  #receive(text: string): void {
    for (const reply of parse(this.name, 200, text)) {
      if (reply.method === "eth_subscription") this.#listener?.();
      else if (reply.id !== undefined) this.#waiting.get(reply.id)?.resolve(toReply(reply));
    }
  }
}
