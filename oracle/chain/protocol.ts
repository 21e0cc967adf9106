/** JSON-RPC as providers speak it. */

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

  /** Whether the same call may work later. */
  get retryable(): boolean {
    return this.code === 429 || this.code === -32005 || this.code === -32016 || /rate limit|too many requests|capacity/i.test(this.message);
  }

  /** Whether the refusal is the chain's own, so that every provider would say the same: the call reverts, or the transaction is known. */
  get final(): boolean {
    const nested = typeof this.data === "object" && this.data !== null && "data" in this.data ? this.data.data : this.data;
    return this.code === 3 || (typeof nested === "string" && /^0x/.test(nested)) || finalMessage.test(this.message);
  }
}

const finalMessage = /revert|already known|known transaction|already imported|nonce too low|nonce is too low/i;

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
  /** Gives up what is under way; nothing of it keeps the process. */
  close(): void;
}

export interface RawReply {
  id?: number | null;
  method?: string;
  result?: unknown;
  error?: unknown;
}

/** @param redact takes out what is secret: providers repeat keys in what they say. @throws TransportError */
export function toReply(name: string, { result, error }: RawReply, redact: (text: string) => string): RpcReply {
  if (error !== undefined && error !== null) {
    const { code, message, data } = (typeof error === "object" ? error : { message: error }) as {
      code?: unknown;
      message?: unknown;
      data?: unknown;
    };
    return { error: new RpcError(Number(code ?? 0), redact(String(message ?? "no reason given")), data) };
  }
  if (result === undefined) throw new TransportError(`${name} answered with neither a result nor an error`);
  return { result };
}

/** @throws TransportError where the text is no JSON-RPC. */
export function parseReplies(name: string, text: string, redact: (text: string) => string, how = ""): RawReply[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // No cause: the parser's message repeats the text.
    throw new TransportError(`${name} answered${how} with no JSON: ${redact(text.slice(0, 200))}`);
  }
  const replies = Array.isArray(parsed) ? parsed : [parsed];
  if (!replies.every((reply) => typeof reply === "object" && reply !== null))
    throw new TransportError(`${name} answered${how} with no JSON-RPC`);
  return replies as RawReply[];
}
