import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../telemetry/log.ts";
import { RpcError, TransportError, type RpcCall, type RpcReply, type Transport } from "./protocol.ts";
import { createTransport } from "./transport.ts";

export { RpcError } from "./protocol.ts";

/** No provider answered. */
export class ChainUnavailableError extends Error {
  override name = "ChainUnavailableError";
}

export interface RpcOptions {
  /** http, https, ws or wss; the first one that works is used, the others stand in for it. */
  urls: readonly string[];
  log?: Logger;
  onFailure?: (provider: string) => void;
  /** Per call; default 10,000. */
  timeoutMs?: number;
  /** Rounds over all providers before a call fails; default 6. */
  rounds?: number;
  /** Longest wait between rounds; default 5,000. */
  maxBackoffMs?: number;
}

const maxBatch = 100;

/** Replies of one provider, and what keeps them from being all that was asked for. */
interface Attempt {
  replies: RpcReply[];
  failure: RpcError | undefined;
}

/**
 * JSON-RPC over a list of providers. Where one doesn't answer or refuses, the next one is asked, unless the refusal is the chain's own; where
 * none answers, all are asked again, with backoff and jitter.
 */
export class Rpc {
  readonly #transports: Transport[];
  readonly #options: Required<Pick<RpcOptions, "timeoutMs" | "rounds" | "maxBackoffMs">> & RpcOptions;
  #current = 0;
  readonly #closing = new AbortController();

  constructor(options: RpcOptions) {
    if (options.urls.length === 0) throw new TypeError("at least one provider URL is needed");
    this.#options = { timeoutMs: 10_000, rounds: 6, maxBackoffMs: 5_000, ...options };
    this.#transports = options.urls.map(createTransport);
  }

  /** @returns names of the providers, for people. */
  get names(): string[] {
    return this.#transports.map(({ name }) => name);
  }

  /** Calls `listener` at new heads, where a provider can tell. */
  watchHeads(listener: () => void): void {
    for (const transport of this.#transports) transport.watchHeads?.(listener);
  }

  /** The current provider lags or contradicts itself: uses the next one from now on. */
  avoidCurrent(reason: string): void {
    if (this.#transports.length > 1) this.#use((this.#current + 1) % this.#transports.length, reason);
  }

  /** @throws RpcError where the provider refuses. @throws ChainUnavailableError where none answers. */
  async call<T>(method: string, params: unknown[] = []): Promise<T> {
    return valueOf<T>((await this.settle([{ method, params }]))[0]!);
  }

  /** Several calls to one provider at once. @throws RpcError where it refuses any of them. */
  async batch(calls: readonly RpcCall[]): Promise<unknown[]> {
    return (await this.settle(calls)).map((reply) => valueOf(reply));
  }

  /** Like `batch`, but refusals are returned beside results. All replies are one provider's. */
  async settle(calls: readonly RpcCall[]): Promise<RpcReply[]> {
    const { rounds } = this.#options;
    let failure: Error | undefined;
    for (let round = 0; round < rounds && !this.#closed; round++) {
      if (round > 0) await this.#backOff(round);
      const { replies, passing } = await this.#askAll(calls);
      // A refusal is believed at once where all refuse, and after a second round where the others don't answer.
      if (replies !== undefined && (passing === undefined || round > 0)) return replies;
      failure = passing;
    }
    throw new ChainUnavailableError(
      `no chain provider answers: ${this.#closed ? "the node stops" : failure?.message}; check that the chain runs and that the RPC URL (${this.names.join(", ")}) is right`,
      { cause: failure },
    );
  }

  /** Gives up all calls that are under way, too. */
  close(): void {
    this.#closing.abort();
    for (const transport of this.#transports) transport.close();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #backOff(round: number): Promise<void> {
    const longest = Math.min(this.#options.maxBackoffMs, 100 * 2 ** round);
    await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  /** @returns the first replies of a provider that refuses nothing, or of one that does; and a failure that may pass, where asking again may help. */
  async #askAll(calls: readonly RpcCall[]): Promise<{ replies?: RpcReply[] | undefined; passing?: Error | undefined }> {
    const { log, onFailure } = this.#options;
    const first = this.#current;
    let refused: RpcReply[] | undefined;
    let passing: Error | undefined;
    for (let i = 0; i < this.#transports.length && !this.#closed; i++) {
      const tried = (first + i) % this.#transports.length;
      const transport = this.#transports[tried]!;
      try {
        const { replies, failure } = await this.#send(transport, calls);
        if (failure === undefined) {
          if (tried !== first && this.#current === first) this.#use(tried, "the one before failed");
          return { replies };
        }
        // It is somebody's own opinion only where no other provider has a better one.
        if (failure.retryable) passing = failure;
        else refused ??= replies;
        log?.debug({ provider: transport.name, err: failure }, "a provider refused");
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        passing = error;
        log?.debug({ provider: transport.name, err: error }, "a provider failed");
      }
      onFailure?.(transport.name);
    }
    return { replies: refused, passing };
  }

  #use(index: number, reason: string): void {
    const from = this.#transports[this.#current]!.name;
    this.#current = index;
    this.#options.log?.warn({ from, to: this.#transports[index]!.name, reason }, "changed provider");
  }

  async #send(transport: Transport, calls: readonly RpcCall[]): Promise<Attempt> {
    const replies: RpcReply[] = [];
    for (let start = 0; start < calls.length; start += maxBatch) {
      replies.push(...(await transport.send(calls.slice(start, start + maxBatch), this.#options.timeoutMs)));
    }
    const refusals = replies.flatMap((reply) => ("error" in reply && !reply.error.final ? [reply.error] : []));
    return { replies, failure: refusals.find(({ retryable }) => retryable) ?? refusals[0] };
  }
}

function valueOf<T>(reply: RpcReply): T {
  if ("error" in reply) throw reply.error;
  return reply.result as T;
}

export const quantity = (value: number | bigint) => `0x${value.toString(16)}`;

/** @param hex with or without 0x. */
export const bytesOf = (hex: string): Uint8Array => Buffer.from(hex.startsWith("0x") ? hex.slice(2) : hex, "hex");

/** @returns lower-case hex with 0x. */
export const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
