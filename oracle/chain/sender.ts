import { Transaction } from "ethers";
import type { TransactionState } from "../core/job.ts";
import { isMove, type Attempt, type Intent, type Journal, type JournalledTransaction, type TransactionKind } from "../store/journal.ts";
import type { CrashPoint } from "../telemetry/crashPoint.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { intentOf, type ContractCall } from "./contracts.ts";
import { FeeCeilingError, feesFor, gasPrices, limitsAt, replacementFees, urgencyOf, type FeeLimits, type Fees } from "./fees.ts";
import { nonceOwner, Nonces } from "./nonces.ts";
import { bytesOf, hexOf, quantity, RpcError, type Rpc } from "./rpc.ts";
import type { PrivateSubmission } from "./privateSubmission.ts";
import type { Signer } from "./signer.ts";
import type { Receipt } from "./transact.ts";

export interface SenderOptions {
  rpc: Rpc;
  journal: Journal;
  signer: Signer;
  /** Where answers are handed in; undefined: where everything is. */
  submission?: PrivateSubmission | undefined;
  chainId: number;
  limits: FeeLimits;
  /** Blocks after which a transaction that isn't mined is replaced by one that pays more. */
  stuckBlocks: number;
  /** Whether a block was read, so that its end is noticed if a reorganisation drops it. */
  hasRead(blockNumber: number, blockHash: string): boolean;
  log: Logger;
  metrics: Metrics;
  crashPoint: CrashPoint;
}

/** How far the chain was read; `time` is the chain's now, in seconds. */
interface Head {
  number: number;
  time: number;
}

/** A transaction whose fate is known. */
export interface Settled {
  transaction: JournalledTransaction;
  state: Extract<TransactionState, "MINED" | "FAILED">;
  /** Lower-case topics and data of the receipt's logs; empty where it failed. */
  logs: Receipt["logs"];
  gasUsed: bigint;
}

const labels = {
  submit: { before: "before-journal-write", after: "after-journal-write", sent: "after-send" },
  finalize: { before: "before-finalization-journal-write", after: "after-finalization-journal-write", sent: "after-finalization-send" },
  move: { before: "before-move-journal-write", after: "after-move-journal-write", sent: "after-move-send" },
  retract: {
    before: "before-retraction-journal-write",
    after: "after-retraction-journal-write",
    sent: "after-retraction-send",
  },
} as const;

const labelsOf = (kind: TransactionKind) => labels[kind !== "retract" && isMove(kind) ? "move" : kind];

/** The protocol's cap on one transaction's gas. */
const mostGas = 2n ** 24n;
/** A transaction that nothing knows, although its nonce is used, is given up after so many looks. */
const believedAfter = 5;

/** Of an answer only the fee is at stake, of every other transaction with a deadline a bond. */
const urgency = ({ kind, deadline }: Pick<Intent, "kind" | "deadline">, chainTime: number) =>
  isMove(kind) ? urgencyOf(deadline, chainTime) : 0;

/** Sends this account's transactions: journalled first, one nonce after another, replaced while they are stuck. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #nonces: Nonces;
  #queue: Promise<unknown> = Promise.resolve();
  /** Mined, but in a block that was not read yet: a reorganisation may drop it without a trace. */
  readonly #unread = new Set<number>();
  /** How often every pool refused a transaction in a row, and what was said last. */
  readonly #refusals = new Map<number, { count: number; message: string }>();
  readonly #absences = new Map<number, number>();
  #tip: bigint | undefined;
  #gap: { nonce: number; since: number } | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { rpc, journal, stuckBlocks, log } = options;
    this.#nonces = new Nonces({ rpc, journal, address: options.signer.address, stuckBlocks, log });
  }

  get address(): string {
    return this.#options.signer.address;
  }

  /** What a block takes beside its base fee, by the last provider that was asked: wei per gas. */
  get tip(): bigint {
    const { tipCeiling } = this.#options.limits;
    return this.#tip === undefined || this.#tip > tipCeiling ? tipCeiling : this.#tip;
  }

  /** @returns whether a pending transaction is in a block already, if only in one that was not read yet. */
  isInBlock({ id }: JournalledTransaction): boolean {
    return this.#unread.has(id);
  }

  /**
   * Signs, journals and sends; the promise ends when the provider has the transaction, not when it is mined.
   * A provider that is away doesn't fail it: what is in the journal is sent again by `settle`.
   * @returns when it was handed to the provider: Unix time in milliseconds, for measurements.
   * @throws RpcError where the call would revert (nothing is journalled then). @throws NotNowError @throws KeyInUseError
   */
  send(kind: TransactionKind, requestIds: readonly string[], call: ContractCall, deadline: number | null, head: Head): Promise<number> {
    return this.#inTurn(() => this.#send(kind, requestIds, call, deadline, head));
  }

  /** Sends every transaction of the journal that isn't mined yet, with the bytes that were signed then. */
  resume(head: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#nonces.start();
      for (const transaction of this.#options.journal.pending()) await this.#broadcast(transaction, transaction.attempts.at(-1)!, head);
    });
  }

  /**
   * Looks up every transaction that isn't settled yet, and sends again, replaces or gives up where need be.
   * INVARIANT: nothing is settled by a block that was not read: undoing a block that was read undoes what it settled.
   * @param head pointless transactions are cancelled from their deadline on.
   * @throws KeyInUseError
   */
  settle(head: Head): Promise<Settled[]> {
    return this.#inTurn(() => this.#settle(head));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #send(kind: TransactionKind, requestIds: readonly string[], call: ContractCall, deadline: number | null, head: Head) {
    const { rpc, limits } = this.#options;
    const nonce = await this.#nonces.next(head.number);
    const [prices, gasLimit] = await Promise.all([gasPrices(rpc), this.#estimate(call)]);
    this.#tip = prices.tip;
    const fees = feesFor(prices, limitsAt(urgency({ kind, deadline }, head.time), limits));
    const intent: Intent = {
      kind,
      requestIds,
      intent: intentOf(call),
      recipient: call.to,
      data: bytesOf(call.data),
      value: call.value ?? 0n,
      gasLimit,
      deadline,
    };
    const transaction = this.#journal(intent, nonce, fees);
    const sentAt = performance.timeOrigin + performance.now();
    await this.#broadcast(transaction, transaction.attempts[0]!, head.number);
    return sentAt;
  }

  #journal(intent: Intent, nonce: number, fees: Fees): JournalledTransaction {
    const { journal, crashPoint } = this.#options;
    const attempt = this.#sign(intent, nonce, fees);
    crashPoint(labelsOf(intent.kind).before);
    const transaction = journal.write(intent, nonce, attempt);
    crashPoint(labelsOf(intent.kind).after);
    return transaction;
  }

  async #estimate({ to, data, value = 0n }: ContractCall): Promise<bigint> {
    const carried = value === 0n ? {} : { value: quantity(value) };
    const gas = BigInt(await this.#options.rpc.call<string>("eth_estimateGas", [{ from: this.address, to, data, ...carried }]));
    const roomy = gas + gas / 4n;
    return roomy > mostGas ? mostGas : roomy;
  }

  #sign(
    { recipient, data, value = 0n, gasLimit }: Pick<Intent, "recipient" | "data" | "value" | "gasLimit">,
    nonce: number,
    { maxFee, priorityFee }: Fees,
  ): Attempt {
    const { signer, chainId } = this.#options;
    const signed = signer.sign({
      to: recipient,
      data: hexOf(data),
      value,
      gasLimit,
      nonce,
      chainId,
      maxFeePerGas: maxFee,
      maxPriorityFeePerGas: priorityFee,
    });
    return { ...signed, maxFee, priorityFee };
  }

  async #broadcast(transaction: JournalledTransaction, attempt: Attempt, head: number): Promise<void> {
    const { rpc, journal, submission, log, crashPoint } = this.#options;
    try {
      if (submission === undefined || transaction.kind !== "submit") await rpc.call("eth_sendRawTransaction", [attempt.raw]);
      else await submission.send(attempt.raw, !this.#isEmpty(attempt), head);
    } catch (error) {
      // Whatever the provider thinks of it, only the chain decides: `settle` looks for its receipt and goes on from there.
      if (!(error instanceof RpcError)) {
        log.warn({ err: error, hash: attempt.hash }, "the transaction is journalled but could not be sent yet");
        return;
      }
      if (!/already known|known transaction|already imported|nonce too low|nonce.*too low/i.test(error.message)) {
        const count = (this.#refusals.get(transaction.id)?.count ?? 0) + 1;
        this.#refusals.set(transaction.id, { count, message: error.message });
        log.warn(
          { err: error, hash: attempt.hash, kind: transaction.kind, count },
          "the provider refused the transaction; it is sent again",
        );
        return;
      }
    }
    this.#refusals.delete(transaction.id);
    crashPoint(labelsOf(transaction.kind).sent);
    journal.markSent(transaction.id, head);
  }

  async #settle(head: Head): Promise<Settled[]> {
    this.#nonces.check();
    const pending = this.#options.journal.pending();
    if (pending.length === 0) return [];
    const { used, usedAsRead, receipts } = await this.#lookUp(pending, head);
    const settled: Settled[] = [];
    for (const [i, transaction] of pending.entries()) {
      const receipt = transaction.attempts.map(({ hash }) => receipts.get(hash)).find((candidate) => candidate !== undefined);
      if (receipt !== undefined) {
        if (this.#options.hasRead(Number(receipt.blockNumber), receipt.blockHash)) settled.push(this.#settleMined(transaction, receipt));
        else this.#unread.add(transaction.id);
      } else if (usedAsRead > transaction.nonce) settled.push(...(await this.#settleAbsent(transaction, head)));
      else if (used > transaction.nonce) continue;
      else if (this.#unread.delete(transaction.id)) await this.#sendDroppedAgain(transaction, head);
      else await this.#pursue(transaction, head, Math.max(0, ...pending.slice(i + 1).map((later) => urgency(later, head.time))));
    }
    await this.#fillGap(pending, used, head);
    return settled;
  }

  /** @returns how many nonces the account has used, at the chain's head and at the last block that was read, and the receipts by hash. */
  async #lookUp(pending: readonly JournalledTransaction[], head: Head) {
    const hashes = pending.flatMap(({ attempts }) => attempts.map(({ hash }) => hash));
    const [used, usedAsRead, ...receipts] = await this.#options.rpc.settle([
      { method: "eth_getTransactionCount", params: [this.address, "latest"] },
      { method: "eth_getTransactionCount", params: [this.address, quantity(head.number)] },
      ...hashes.map((hash) => ({ method: "eth_getTransactionReceipt", params: [hash] })),
    ]);
    const found = new Map<string, Receipt>();
    for (const [i, reply] of receipts.entries()) {
      if ("error" in reply) throw reply.error;
      if (reply.result !== null) found.set(hashes[i]!, reply.result as Receipt);
    }
    if ("error" in used!) throw used.error;
    // A provider that lags, or keeps no state of that block, says nothing about it.
    return { used: Number(used!.result), usedAsRead: "error" in usedAsRead! ? 0 : Number(usedAsRead!.result), receipts: found };
  }

  #forget({ id }: JournalledTransaction): void {
    this.#unread.delete(id);
    this.#refusals.delete(id);
    this.#absences.delete(id);
  }

  #settleMined(transaction: JournalledTransaction, receipt: Receipt): Settled {
    const { journal, metrics, log } = this.#options;
    const gasUsed = BigInt(receipt.gasUsed);
    const blockNumber = Number(receipt.blockNumber);
    const { kind, requestIds, nonce } = transaction;
    this.#forget(transaction);
    const cancelled = kind !== "fillNonce" && receipt.to?.toLowerCase() === this.address.toLowerCase();
    if (receipt.status === "0x1" && !cancelled) {
      journal.markMined(transaction.id, blockNumber);
      metrics.transactions.inc({ kind, outcome: "mined" });
      return { transaction, state: "MINED", logs: receipt.logs, gasUsed };
    }
    journal.markFailed(transaction.id, blockNumber);
    if (!cancelled) {
      metrics.transactions.inc({ kind, outcome: "reverted" });
      log.warn({ kind, requests: requestIds, nonce }, "the transaction was mined but reverted");
    }
    return { transaction, state: "FAILED", logs: [], gasUsed };
  }

  /**
   * Its nonce was used in a block that was read, but there is no receipt: either the provider lags with its receipts,
   * or a transaction that isn't in the journal used the nonce. Only a transaction that is seen there proves the second.
   */
  async #settleAbsent(transaction: JournalledTransaction, head: Head): Promise<Settled[]> {
    const { rpc, journal, metrics, log } = this.#options;
    const { id, nonce, kind, attempts } = transaction;
    const absences = (this.#absences.get(id) ?? 0) + 1;
    this.#absences.set(id, absences);
    const owner = await nonceOwner(rpc, this.address, nonce, head.number);
    if (owner !== undefined && attempts.some(({ hash }) => hash === owner.hash)) {
      log.debug({ hash: owner.hash, block: owner.blockNumber }, "the provider has no receipt yet of a transaction that is mined");
      if (absences % believedAfter === 0)
        rpc.avoidCurrent(`it has no receipt of ${owner.hash}, which is in its block ${owner.blockNumber}`);
      return [];
    }
    if (owner === undefined && absences < believedAfter) return [];
    this.#forget(transaction);
    journal.markFailed(id, owner?.blockNumber ?? head.number);
    metrics.transactions.inc({ kind, outcome: "displaced" });
    this.#nonces.report(nonce, owner);
    return [{ transaction, state: "FAILED", logs: [], gasUsed: 0n }];
  }

  async #sendDroppedAgain(transaction: JournalledTransaction, head: Head): Promise<void> {
    const { log } = this.#options;
    const attempt = transaction.attempts.at(-1)!;
    log.warn({ kind: transaction.kind, hash: attempt.hash }, "a reorganisation dropped a transaction that was mined; it is sent again");
    await this.#broadcast(transaction, attempt, head.number);
  }

  /**
   * Not mined: sends it again, replaces it once it is stuck, or empties it where it is pointless or in the way.
   * @param behind urgency of what waits for this nonce.
   */
  async #pursue(transaction: JournalledTransaction, head: Head, behind: number): Promise<void> {
    const { stuckBlocks, limits, log } = this.#options;
    const { sentInBlock, deadline, nonce } = transaction;
    const last = transaction.attempts.at(-1)!;
    const own = urgency(transaction, head.time);
    const refusal = this.#refusals.get(transaction.id);
    if (refusal !== undefined ? refusal.count % stuckBlocks !== 0 : sentInBlock === null)
      return this.#broadcast(transaction, last, head.number);
    const patience = own > 0 || behind > 0 ? 1 : stuckBlocks;
    if (refusal === undefined && head.number < sentInBlock! + patience) return;
    // What no pool has need not be outbid, and what they refuse again with fresh fees only holds up the nonces after it.
    const inPool = refusal === undefined || /underpriced/i.test(refusal.message);
    const empty =
      (deadline !== null && head.time >= deadline) || this.#isEmpty(last) || (refusal !== undefined && refusal.count >= 2 * stuckBlocks);
    const fees = await this.#raisedFees(last, limitsAt(empty ? Math.max(own, behind) : own, limits), inPool);
    if (fees !== null) return this.#replace(transaction, fees, empty, head);
    const way = behind > own && !empty ? await this.#raisedFees(last, limitsAt(behind, limits), inPool) : null;
    if (way !== null) return this.#replace(transaction, way, true, head);
    log.warn({ nonce, maxFee: last.maxFee.toString() }, "a transaction is stuck at the fee ceiling");
    return this.#broadcast(transaction, last, head.number);
  }

  #isEmpty({ raw }: Attempt): boolean {
    return Transaction.from(raw).to === this.address;
  }

  /** @returns null where the limits allow no more. */
  async #raisedFees(last: Attempt, limits: Pick<FeeLimits, "ceiling" | "tipCeiling">, inPool: boolean): Promise<Fees | null> {
    try {
      const current = feesFor(await gasPrices(this.#options.rpc), limits);
      return inPool ? replacementFees(last, current, limits.ceiling) : current;
    } catch (error) {
      if (error instanceof FeeCeilingError) return null;
      throw error;
    }
  }

  async #replace(transaction: JournalledTransaction, fees: Fees, empty: boolean, head: Head): Promise<void> {
    const { journal, metrics, log } = this.#options;
    const { id, kind, nonce } = transaction;
    const content = empty ? { recipient: this.address, data: new Uint8Array(), gasLimit: 21_000n } : transaction;
    const attempt = this.#sign(content, nonce, fees);
    journal.addReplacement(id, attempt);
    metrics.transactions.inc({ kind, outcome: empty ? "cancelled" : "replaced" });
    log.info(
      { kind, nonce, hash: attempt.hash, maxFee: fees.maxFee.toString() },
      empty ? "cancelled a transaction" : "replaced a transaction",
    );
    await this.#broadcast(transaction, attempt, head.number);
  }

  /** A nonce that is neither used nor in the journal holds up all after it: a stranger's transaction had it, and a reorganisation took that away. */
  async #fillGap(pending: readonly JournalledTransaction[], used: number, head: Head): Promise<void> {
    const { journal, stuckBlocks, limits, log, rpc } = this.#options;
    if (pending[0]!.nonce <= used || journal.hasNonce(used)) {
      this.#gap = undefined;
      return;
    }
    if (this.#gap?.nonce !== used) this.#gap = { nonce: used, since: head.number };
    if (head.number < this.#gap.since + stuckBlocks) return;
    log.warn({ nonce: used, account: this.address }, "a nonce before this node's transactions is missing: filling it");
    const most = Math.max(...pending.map((transaction) => urgency(transaction, head.time)));
    const fees = feesFor(await gasPrices(rpc), limitsAt(most, limits));
    const call = { to: this.address, data: "0x" };
    const intent: Intent = {
      kind: "fillNonce",
      requestIds: [String(used)],
      intent: intentOf(call),
      recipient: this.address,
      data: new Uint8Array(),
      gasLimit: 21_000n,
      deadline: null,
    };
    const transaction = this.#journal(intent, used, fees);
    await this.#broadcast(transaction, transaction.attempts[0]!, head.number);
  }
}
