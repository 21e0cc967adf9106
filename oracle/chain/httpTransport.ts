import { parseReplies, RpcError, toReply, TransportError, type RawReply, type RpcCall, type RpcReply, type Transport } from "./protocol.ts";
import { publicName, withoutCredentials, withoutSecretsOf } from "./publicUrl.ts";

export class HttpTransport implements Transport {
  readonly name: string;
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #redact: (text: string) => string;
  readonly #closing = new AbortController();

  constructor(url: string) {
    this.name = publicName(url);
    this.#redact = withoutSecretsOf(url);
    ({ url: this.#url, headers: this.#headers } = withoutCredentials(url));
  }

  async send(calls: readonly RpcCall[], timeoutMs: number): Promise<RpcReply[]> {
    const payload = calls.map(({ method, params }, id) => ({ jsonrpc: "2.0", id, method, params }));
    const { status, text } = await this.#post(JSON.stringify(payload.length === 1 ? payload[0] : payload), timeoutMs);
    if (status === 429) return calls.map(() => ({ error: new RpcError(429, `${this.name} limits the rate of calls`, undefined) }));
    return this.#collect(calls.length, parseReplies(this.name, text, this.#redact, ` (status ${status})`));
  }

  async #post(body: string, timeoutMs: number): Promise<{ status: number; text: string }> {
    // Not AbortSignal.any: on Node.js 24 it keeps what it made for as long as the longest-lived of its signals lives.
    const giveUp = new AbortController();
    const abort = () => giveUp.abort(new Error("the node stops"));
    const timer = setTimeout(() => giveUp.abort(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    this.#closing.signal.addEventListener("abort", abort, { once: true });
    if (this.#closing.signal.aborted) abort();
    try {
      const headers = { "content-type": "application/json", ...this.#headers };
      const response = await fetch(this.#url, { method: "POST", headers, body, signal: giveUp.signal });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      // No cause: it may hold the URL.
      throw new TransportError(`${this.name} did not answer (${this.#redact(reasonOf(error))})`);
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", abort);
    }
  }

  /** Replies come in any order; one may stand for a whole refused batch. */
  #collect(count: number, replies: RawReply[]): RpcReply[] {
    const only = replies.length === 1 ? replies[0]! : undefined;
    if (only?.error !== undefined && (only.id === undefined || only.id === null)) {
      return Array.from({ length: count }, () => toReply(this.name, only, this.#redact));
    }
    const byId = new Map(replies.map((reply) => [reply.id, reply]));
    return Array.from({ length: count }, (_, id) => {
      const reply = byId.get(id);
      if (reply === undefined) throw new TransportError(`${this.name} left out the reply to call ${id + 1} of ${count}`);
      return toReply(this.name, reply, this.#redact);
    });
  }

  close(): void {
    this.#closing.abort();
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
