import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../telemetry/log.ts";
import { createTransport, RpcError, TransportError, type RpcCall, type RpcReply, type Transport } from "./transport.ts";

export { RpcError } from "./transport.ts";

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

/** JSON-RPC over a list of providers: fails over, backs off with jitter, never retries a refusal that would be the same again. */
export class Rpc {
  readonly #transports: Transport[];
  readonly #options: Required<Pick<RpcOptions, "timeoutMs" | "rounds" | "maxBackoffMs">> & RpcOptions;
  #current = 0;
  #closed = false;

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
    if (this.#transports.length === 1) return;
    const from = this.#transports[this.#current]!.name;
    this.#current = (this.#current + 1) % this.#transports.length;
    this.#options.log?.warn({ from, to: this.#transports[this.#current]!.name, reason }, "changed provider");
  }

  /** @throws RpcError where the provider refuses. @throws ChainUnavailableError where none answers. */
  async call<T>(method: string, params: unknown[] = []): Promise<T> {
    return valueOf<T>((await this.settle([{ method, params }]))[0]!);
  }

  /** Several calls to one provider at once. @throws RpcError where it refuses any of them. */
  async batch(calls: readonly RpcCall[]): Promise<unknown[]> {
    return (await this.settle(calls)).map((reply) => valueOf(reply));
  }

  /** Like `batch`, but refusals are returned beside results. */
  async settle(calls: readonly RpcCall[]): Promise<RpcReply[]> {
    const { rounds, maxBackoffMs, log, onFailure } = this.#options;
    let failure: Error | undefined;
    for (let round = 0; round < rounds && !this.#closed; round++) {
      if (round > 0) await sleep(Math.min(maxBackoffMs, 100 * 2 ** round) * (0.5 + Math.random() / 2));
      for (let tried = 0; tried < this.#transports.length; tried++) {
        const transport = this.#transports[this.#current]!;
        try {
          return await this.#send(transport, calls);
        } catch (error) {
          if (!(error instanceof TransportError || (error instanceof RpcError && error.retryable))) throw error;
          failure = error;
          onFailure?.(transport.name);
          log?.debug({ provider: transport.name, err: error }, "a provider failed");
          this.avoidCurrent(error.message);
        }
      }
    }
    throw new ChainUnavailableError(
      `no chain provider answers: ${failure?.message ?? "closed"}; check that the chain runs and that the RPC URL (${this.names.join(", ")}) is right`,
      { cause: failure },
    );
  }

  close(): void {
    this.#closed = true;
    for (const transport of this.#transports) transport.close();
  }

  async #send(transport: Transport, calls: readonly RpcCall[]): Promise<RpcReply[]> {
    const replies: RpcReply[] = [];
    for (let start = 0; start < calls.length; start += maxBatch) {
      replies.push(...(await transport.send(calls.slice(start, start + maxBatch), this.#options.timeoutMs)));
    }
    for (const reply of replies) if ("error" in reply && reply.error.retryable) throw reply.error;
    return replies;
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
