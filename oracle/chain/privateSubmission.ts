import type { Logger } from "../telemetry/log.ts";
import { ChainUnavailableError, Rpc, RpcError } from "./rpc.ts";

export interface PrivateSubmissionOptions {
  /** Endpoints that show nobody what they are given before it is in a block; they are asked for nothing else. */
  urls: readonly string[];
  /** The providers of everything else, whose pools everybody reads. */
  rpc: Rpc;
  /** Whether an answer that no private endpoint takes goes to the public pools. */
  publicFallback: boolean;
  timeoutMs: number;
  log: Logger;
  onFailure?: (provider: string) => void;
}

const method = "eth_sendRawTransaction";

/** Hands in answers where nobody can copy them: whoever reads an answer in a public pool may send it as its own with a higher fee. */
export class PrivateSubmission {
  readonly #options: PrivateSubmissionOptions;
  readonly #private: Rpc;
  /** The block at which no private endpoint took anything: others don't wait for them once more, since moves wait behind them. */
  #failedAt: number | undefined;

  constructor(options: PrivateSubmissionOptions) {
    this.#options = options;
    const { urls, timeoutMs, log, onFailure } = options;
    this.#private = new Rpc({ urls, timeoutMs, rounds: 1, log, ...(onFailure && { onFailure }) });
  }

  /**
   * @param raw a signed transaction. @param hidden whether it holds an answer; what cancels one holds nothing, and nonces behind it wait for it.
   * @param head the last block that was read.
   * @throws RpcError where it was taken nowhere.
   */
  async send(raw: string, hidden: boolean, head: number): Promise<void> {
    const { rpc, publicFallback, log } = this.#options;
    const names = this.#private.names.join(", ");
    try {
      if (this.#failedAt === head) throw new ChainUnavailableError("asked in vain for this block already");
      await this.#private.call(method, [raw]);
      if (hidden) return;
    } catch (error) {
      if (!(error instanceof ChainUnavailableError || error instanceof RpcError)) throw error;
      if (error instanceof RpcError && error.final) throw error;
      if (error instanceof ChainUnavailableError) this.#failedAt = head;
      if (hidden && !publicFallback) {
        throw new RpcError(
          0,
          `no private endpoint (${names}) takes an answer: ${error.message}; it is kept from the public pools. Correct submit.rpc, add an endpoint, or set submit.publicFallback = true to let everybody read it`,
          undefined,
        );
      }
      if (hidden)
        log.warn(
          { err: error, endpoints: names },
          "no private endpoint takes an answer: it goes to the public pools (submit.publicFallback)",
        );
    }
    await rpc.call(method, [raw]).catch((error: unknown) => {
      throw error instanceof ChainUnavailableError ? new RpcError(0, error.message, undefined) : error;
    });
  }

  close(): void {
    this.#private.close();
  }
}
