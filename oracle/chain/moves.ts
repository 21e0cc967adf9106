import type { Journal, MoveKind } from "../store/journal.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { revertReason, type ContractCall } from "./contracts.ts";
import { NotNowError } from "./fees.ts";
import { RpcError } from "./rpc.ts";
import type { Sender } from "./sender.ts";

/** A move that is about to be made. */
export interface Move {
  kind: MoveKind;
  /** What names the move among those of its kind: it is in at most one live transaction. */
  item: string;
  /** Built only where the move is really sent. */
  call(): ContractCall;
  /** Chain time in seconds from which it is pointless; null: never. */
  deadline: number | null;
}

/** Seconds of chain time after which a refused move is tried again. */
const retryAfter = 2;

/** Sends moves, each once. */
export class Moves {
  readonly #options: { journal: Journal; sender: Sender; log: Logger; metrics: Metrics };
  readonly #retryAt = new Map<string, number>();

  constructor(options: { journal: Journal; sender: Sender; log: Logger; metrics: Metrics }) {
    this.#options = options;
  }

  /** @returns whether a move is on its way, or was made. */
  isLive(kind: MoveKind, item: string): boolean {
    return this.#options.journal.isLive(kind, item);
  }

  /** @returns how many moves of a kind are on their way and not in a block yet. */
  pending(kind: MoveKind): number {
    return this.#onTheWay(kind).length;
  }

  /** @returns what such moves carry together, in wei. */
  valueOnTheWay(kind: MoveKind): bigint {
    return this.#onTheWay(kind).reduce((sum, { value = 0n }) => sum + value, 0n);
  }

  #onTheWay(kind: MoveKind) {
    const { journal, sender } = this.#options;
    return journal.pending().filter((transaction) => transaction.kind === kind && !sender.isInBlock(transaction));
  }

  /**
   * @param head as far as the chain has been read; `time` in seconds.
   * @returns whether the move is on its way, by this call or by an earlier one. @throws ChainUnavailableError
   */
  async send({ kind, item, call, deadline }: Move, head: { number: number; time: number }): Promise<boolean> {
    const { journal, sender, log, metrics } = this.#options;
    if (journal.isLive(kind, item)) return true;
    const key = `${kind} ${item}`;
    if ((this.#retryAt.get(key) ?? 0) > head.time) return false;
    try {
      await sender.send(kind, [item], call(), deadline, head);
    } catch (error) {
      if (!(error instanceof RpcError || error instanceof NotNowError)) throw error;
      const reason = (error instanceof RpcError ? revertReason(error) : undefined) ?? error.message;
      log.warn({ kind, item, reason }, "the chain would refuse this move; it is tried again");
      this.#retryAt.set(key, head.time + retryAfter);
      return false;
    }
    this.#retryAt.delete(key);
    metrics.transactions.inc({ kind, outcome: "sent" });
    log.info({ kind, item }, "made a move");
    return true;
  }
}
