import type { TransactionState } from "../core/job.ts";
import type { Database } from "./database.ts";

/** Moves about an answer: of a dispute, what they need beside (an allowance), and taking the answer back. */
export const moveKinds = [
  "retract",
  "approve",
  "commitChallenge",
  "challenge",
  "defend",
  "reveal",
  "pick",
  "pickSums",
  "revealSums",
  "step",
  "stepSegment",
  "timeout",
  "closeVoided",
  "demand",
  "publish",
  "timeoutDemand",
  "raiseEscrow",
  "collect",
  "withdrawEscrow",
  "withdraw",
  "join",
  "claim",
  "claimReward",
  "activateStake",
  /** Does nothing but use a nonce that is missing before later ones. */
  "fillNonce",
] as const;
export type MoveKind = (typeof moveKinds)[number];

export type AnswerKind = "submit" | "finalize";
export type TransactionKind = AnswerKind | MoveKind;

export const isMove = (kind: TransactionKind): kind is MoveKind => (moveKinds as readonly string[]).includes(kind);

export interface Attempt {
  hash: string;
  /** The signed transaction, ready to be sent again. */
  raw: string;
  /** Wei per gas. */
  maxFee: bigint;
  priorityFee: bigint;
}

/** What is about to be done, before it has a nonce. */
export interface Intent {
  kind: TransactionKind;
  /** Whatever it does something about, each in at most one live transaction of a kind: requests; for a move, what names the move. */
  requestIds: readonly string[];
  /** Identity of what it does: keccak-256 of recipient, value and calldata, as hex. */
  intent: string;
  recipient: string;
  data: Uint8Array;
  /** Wei; absent: none. */
  value?: bigint;
  gasLimit: bigint;
  /** Chain time in seconds from which it is pointless. */
  deadline: number | null;
}

export interface JournalledTransaction extends Intent {
  id: number;
  nonce: number;
  state: TransactionState;
  /** Head when a provider last took it; null where none did. */
  sentInBlock: number | null;
  minedInBlock: number | null;
  /** Oldest first; every one has the same nonce. */
  attempts: Attempt[];
}

interface TransactionRow {
  id: number;
  nonce: number;
  kind: TransactionKind;
  intent: string;
  recipient: string;
  data: Uint8Array;
  value: string;
  gas_limit: string;
  deadline: number | null;
  state: TransactionState;
  sent_in_block: number | null;
  mined_in_block: number | null;
}

/** Every transaction is here, signed, before it is sent: a restart sends the same bytes again instead of signing anew. */
export class Journal {
  readonly #db: Database;
  readonly #account: string;

  constructor(db: Database, account: string) {
    this.#db = db;
    this.#account = account;
  }

  /** @returns the lowest nonce that no transaction in the journal has, given the chain's count of `minedNonces`. */
  nextNonce(minedNonces: number): number {
    const row = this.#db.get<{ last: number | null }>("SELECT max(nonce) AS last FROM transactions WHERE account = ?", this.#account);
    return Math.max(minedNonces, (row?.last ?? -1) + 1);
  }

  /**
   * Gives the intent its nonce and writes it with its signed transaction, all or nothing.
   * @throws where one of its requests already has a live transaction of that kind.
   */
  write(intent: Intent, nonce: number, attempt: Attempt): JournalledTransaction {
    return this.#db.durableTransaction(() => {
      const id = this.#db.insert(
        `INSERT INTO transactions (account, nonce, kind, intent, recipient, data, value, gas_limit, deadline, state)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'JOURNALLED')`,
        this.#account,
        nonce,
        intent.kind,
        intent.intent,
        intent.recipient,
        intent.data,
        (intent.value ?? 0n).toString(),
        intent.gasLimit.toString(),
        intent.deadline,
      );
      for (const requestId of intent.requestIds) {
        this.#db.run("INSERT INTO transaction_items (transaction_id, request_id, kind) VALUES (?, ?, ?)", id, requestId, intent.kind);
      }
      this.#addAttempt(id, attempt);
      return { ...intent, id, nonce, state: "JOURNALLED", sentInBlock: null, minedInBlock: null, attempts: [attempt] };
    });
  }

  /** A replacement: same nonce, other fees. */
  addReplacement(id: number, attempt: Attempt): void {
    this.#db.durableTransaction(() => this.#addAttempt(id, attempt));
  }

  #addAttempt(id: number, { hash, raw, maxFee, priorityFee }: Attempt): void {
    this.#db.run(
      "INSERT OR IGNORE INTO attempts (hash, transaction_id, raw, max_fee, priority_fee) VALUES (?, ?, ?, ?, ?)",
      hash,
      id,
      raw,
      maxFee.toString(),
      priorityFee.toString(),
    );
  }

  markSent(id: number, headNumber: number): void {
    this.#db.run(
      "UPDATE transactions SET state = 'SENT', sent_in_block = ? WHERE id = ? AND state IN ('JOURNALLED', 'SENT')",
      headNumber,
      id,
    );
  }

  markMined(id: number, blockNumber: number): void {
    this.#db.run("UPDATE transactions SET state = 'MINED', mined_in_block = ? WHERE id = ?", blockNumber, id);
  }

  /**
   * It can't do its work any more (reverted, displaced, cancelled): its requests are free to be sent again.
   * @param blockNumber of the block that used its nonce: undoing that block undoes this.
   */
  markFailed(id: number, blockNumber: number): void {
    this.#db.transaction(() => {
      this.#db.run("UPDATE transactions SET state = 'FAILED', mined_in_block = ? WHERE id = ?", blockNumber, id);
      this.#db.run("UPDATE transaction_items SET live = 0 WHERE transaction_id = ?", id);
    });
  }

  /** The transaction was mined but left these requests out: they are free to be sent again. */
  freeItems(id: number, requestIds: readonly string[]): void {
    this.#db.transaction(() => {
      for (const requestId of requestIds) {
        this.#db.run("UPDATE transaction_items SET live = 0 WHERE transaction_id = ? AND request_id = ?", id, requestId);
      }
    });
  }

  /** @returns whether a live transaction of this kind is about this item. */
  isLive(kind: TransactionKind, item: string): boolean {
    return this.#db.get("SELECT 1 FROM transaction_items WHERE request_id = ? AND kind = ? AND live = 1", item, kind) !== undefined;
  }

  /** @returns the account's transactions that are not mined yet, by nonce. */
  pending(): JournalledTransaction[] {
    return this.#db
      .all<TransactionRow>("SELECT * FROM transactions WHERE account = ? AND state IN ('JOURNALLED', 'SENT') ORDER BY nonce", this.#account)
      .map((row) => ({
        id: row.id,
        nonce: row.nonce,
        kind: row.kind,
        requestIds: this.itemsOf(row.id),
        intent: row.intent,
        recipient: row.recipient,
        data: row.data,
        value: BigInt(row.value),
        gasLimit: BigInt(row.gas_limit),
        deadline: row.deadline,
        state: row.state,
        sentInBlock: row.sent_in_block,
        minedInBlock: row.mined_in_block,
        attempts: this.#attemptsOf(row.id),
      }));
  }

  /** @returns whether the journal has a transaction with this nonce, whatever became of it. */
  hasNonce(nonce: number): boolean {
    return this.#db.get("SELECT 1 FROM transactions WHERE account = ? AND nonce = ?", this.#account, nonce) !== undefined;
  }

  itemsOf(id: number): string[] {
    return this.#db
      .all<{ request_id: string }>("SELECT request_id FROM transaction_items WHERE transaction_id = ? ORDER BY rowid", id)
      .map(({ request_id }) => request_id);
  }

  #attemptsOf(id: number): Attempt[] {
    return this.#db
      .all<{ hash: string; raw: string; max_fee: string; priority_fee: string }>(
        "SELECT hash, raw, max_fee, priority_fee FROM attempts WHERE transaction_id = ? ORDER BY rowid",
        id,
      )
      .map(({ hash, raw, max_fee, priority_fee }) => ({ hash, raw, maxFee: BigInt(max_fee), priorityFee: BigInt(priority_fee) }));
  }
}
