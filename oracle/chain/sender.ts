import type { TransactionState } from "../core/job.ts";
import { isMove, type Attempt, type Intent, type Journal, type JournalledTransaction, type TransactionKind } from "../store/journal.ts";
import type { CrashPoint } from "../telemetry/crashPoint.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { intentOf, type ContractCall } from "./contracts.ts";
import { currentFees, FeeCeilingError, replacementFees, type Fees } from "./fees.ts";
import { bytesOf, hexOf, quantity, RpcError, type Rpc } from "./rpc.ts";
import type { Signer } from "./signer.ts";

export interface SenderOptions {
  rpc: Rpc;
  journal: Journal;
  signer: Signer;
  chainId: number;
  /** Wei per gas that is never exceeded. */
  feeCeiling: bigint;
  /** Blocks after which a transaction that isn't mined is replaced by one that pays more. */
  stuckBlocks: number;
  log: Logger;
  metrics: Metrics;
  crashPoint: CrashPoint;
}

/** A transaction whose fate is known. */
export interface Settled {
  transaction: JournalledTransaction;
  state: Extract<TransactionState, "MINED" | "FAILED">;
  /** Lower-case topics and data of the receipt's logs; empty where it failed. */
  logs: { address: string; topics: string[]; data: string }[];
  gasUsed: bigint;
}

interface Receipt {
  status: string;
  blockNumber: string;
  gasUsed: string;
  contractAddress: string | null;
  logs: { address: string; topics: string[]; data: string }[];
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

/** Sends this account's transactions: journalled first, one nonce after another, replaced while they are stuck. */
export class Sender {
  readonly #options: SenderOptions;
  #queue: Promise<unknown> = Promise.resolve();
  #minedNonces: number | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get address(): string {
    return this.#options.signer.address;
  }

  /**
   * Signs, journals and sends; the promise ends when the provider has the transaction, not when it is mined.
   * A provider that is away doesn't fail it: what is in the journal is sent again by `settle`.
   * @returns when it was handed to the provider: Unix time in milliseconds, for measurements.
   * @throws RpcError where the call would revert (nothing is journalled then). @throws FeeCeilingError
   */
  send(kind: TransactionKind, requestIds: readonly string[], call: ContractCall, deadline: number | null, head: number): Promise<number> {
    return this.#inTurn(() => this.#send(kind, requestIds, call, deadline, head));
  }

  /** Sends every transaction of the journal that isn't mined yet, with the bytes that were signed then. */
  resume(head: number): Promise<void> {
    return this.#inTurn(async () => {
      for (const transaction of this.#options.journal.pending()) await this.#broadcast(transaction, transaction.attempts.at(-1)!, head);
    });
  }

  /**
   * Looks up every transaction that isn't mined yet, and sends again, replaces or gives up where need be.
   * @param chainTime seconds; pointless transactions are cancelled from their deadline on.
   */
  settle(head: number, chainTime: number): Promise<Settled[]> {
    return this.#inTurn(() => this.#settle(head, chainTime));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #send(kind: TransactionKind, requestIds: readonly string[], call: ContractCall, deadline: number | null, head: number) {
    const { rpc, journal, feeCeiling, crashPoint } = this.#options;
    const [fees, gasLimit] = await Promise.all([currentFees(rpc, feeCeiling), this.#estimate(call)]);
    this.#minedNonces ??= await this.#transactionCount();
    const nonce = journal.nextNonce(this.#minedNonces);
    const intent: Intent = {
      kind,
      requestIds,
      intent: intentOf(call),
      recipient: call.to,
      data: bytesOf(call.data),
      gasLimit,
      deadline,
    };
    const attempt = this.#sign(intent, nonce, fees);
    crashPoint(labelsOf(kind).before);
    const transaction = journal.write(intent, nonce, attempt);
    crashPoint(labelsOf(kind).after);
    const sentAt = performance.timeOrigin + performance.now();
    await this.#broadcast(transaction, attempt, head);
    return sentAt;
  }

  async #estimate({ to, data }: ContractCall): Promise<bigint> {
    const gas = BigInt(await this.#options.rpc.call<string>("eth_estimateGas", [{ from: this.address, to, data }]));
    const roomy = gas + gas / 4n;
    return roomy > mostGas ? mostGas : roomy;
  }

  async #transactionCount(): Promise<number> {
    return Number(await this.#options.rpc.call<string>("eth_getTransactionCount", [this.address, "latest"]));
  }

  #sign(
    { recipient, data, gasLimit }: Pick<Intent, "recipient" | "data" | "gasLimit">,
    nonce: number,
    { maxFee, priorityFee }: Fees,
  ): Attempt {
    const { signer, chainId } = this.#options;
    const signed = signer.sign({
      to: recipient,
      data: hexOf(data),
      gasLimit,
      nonce,
      chainId,
      maxFeePerGas: maxFee,
      maxPriorityFeePerGas: priorityFee,
    });
    return { ...signed, maxFee, priorityFee };
  }

  async #broadcast(transaction: JournalledTransaction, attempt: Attempt, head: number): Promise<void> {
    const { rpc, journal, log, crashPoint } = this.#options;
    try {
      await rpc.call("eth_sendRawTransaction", [attempt.raw]);
    } catch (error) {
      // Whatever the provider thinks of it, only the chain decides: `settle` looks for its receipt and goes on from there.
      if (!(error instanceof RpcError)) {
        log.warn({ err: error, hash: attempt.hash }, "the transaction is journalled but could not be sent yet");
        return;
      }
      if (!/already known|known transaction|already imported|nonce too low|nonce.*too low/i.test(error.message)) {
        log.warn({ err: error, hash: attempt.hash, kind: transaction.kind }, "the provider refused the transaction; it is sent again");
        return;
      }
    }
    crashPoint(labelsOf(transaction.kind).sent);
    journal.markSent(transaction.id, head);
  }

  async #settle(head: number, chainTime: number): Promise<Settled[]> {
    const pending = this.#options.journal.pending();
    if (pending.length === 0) return [];
    const hashes = pending.flatMap(({ attempts }) => attempts.map(({ hash }) => hash));
    const [count, ...receipts] = await this.#options.rpc.batch([
      { method: "eth_getTransactionCount", params: [this.address, "latest"] },
      ...hashes.map((hash) => ({ method: "eth_getTransactionReceipt", params: [hash] })),
    ]);
    const found = new Map<string, Receipt>();
    hashes.forEach((hash, i) => {
      if (receipts[i] !== null) found.set(hash, receipts[i] as Receipt);
    });
    const settled: Settled[] = [];
    for (const transaction of pending) {
      const receipt = transaction.attempts.map(({ hash }) => found.get(hash)).find((candidate) => candidate !== undefined);
      if (receipt !== undefined) settled.push(this.#settleMined(transaction, receipt));
      else if (Number(count as string) > transaction.nonce) settled.push(this.#settleDisplaced(transaction));
      else await this.#pursue(transaction, head, chainTime);
    }
    return settled;
  }

  #settleMined(transaction: JournalledTransaction, receipt: Receipt): Settled {
    const { journal, metrics, log } = this.#options;
    const gasUsed = BigInt(receipt.gasUsed);
    // A cancellation has another hash than the intent's own attempts would have, but also no logs: its requests are freed as well.
    if (receipt.status === "0x1") {
      journal.markMined(transaction.id, Number(receipt.blockNumber));
      metrics.transactions.inc({ kind: transaction.kind, outcome: "mined" });
      return { transaction, state: "MINED", logs: receipt.logs, gasUsed };
    }
    journal.markFailed(transaction.id);
    metrics.transactions.inc({ kind: transaction.kind, outcome: "reverted" });
    log.warn(
      { kind: transaction.kind, requests: transaction.requestIds, nonce: transaction.nonce },
      "the transaction was mined but reverted",
    );
    return { transaction, state: "FAILED", logs: [], gasUsed };
  }

  /** Its nonce was used by a transaction that isn't in the journal: somebody else holds the key. */
  #settleDisplaced(transaction: JournalledTransaction): Settled {
    const { journal, metrics, log } = this.#options;
    journal.markFailed(transaction.id);
    this.#minedNonces = undefined;
    metrics.transactions.inc({ kind: transaction.kind, outcome: "displaced" });
    log.error(
      { nonce: transaction.nonce, account: this.address },
      "a transaction from outside used this nonce: the key is in use elsewhere; give the node a key of its own",
    );
    return { transaction, state: "FAILED", logs: [], gasUsed: 0n };
  }

  /** @returns null where the ceiling allows no more. */
  async #raisedFees(last: Attempt): Promise<Fees | null> {
    const { rpc, feeCeiling } = this.#options;
    try {
      return replacementFees(last, await currentFees(rpc, feeCeiling), feeCeiling);
    } catch (error) {
      if (error instanceof FeeCeilingError) return null;
      throw error;
    }
  }

  /** Not mined: sends it again, replaces it once it is stuck, or empties it once it is pointless. */
  async #pursue(transaction: JournalledTransaction, head: number, chainTime: number): Promise<void> {
    const { journal, stuckBlocks, log, metrics } = this.#options;
    const last = transaction.attempts.at(-1)!;
    if (transaction.sentInBlock === null) return this.#broadcast(transaction, last, head);
    if (head < transaction.sentInBlock + stuckBlocks) return;
    const pointless = transaction.deadline !== null && chainTime >= transaction.deadline;
    const fees = await this.#raisedFees(last);
    if (fees === null) {
      log.warn({ nonce: transaction.nonce, maxFee: last.maxFee.toString() }, "a transaction is stuck at the fee ceiling");
      return this.#broadcast(transaction, last, head);
    }
    const attempt = pointless
      ? this.#sign({ recipient: this.address, data: new Uint8Array(), gasLimit: 21_000n }, transaction.nonce, fees)
      : this.#sign(transaction, transaction.nonce, fees);
    journal.addReplacement(transaction.id, attempt);
    metrics.transactions.inc({ kind: transaction.kind, outcome: pointless ? "cancelled" : "replaced" });
    await this.#broadcast(transaction, attempt, head);
  }
}

/** A transaction that was mined and did not revert. `contractAddress`: of the contract that it created. */
export interface Mined {
  hash: string;
  blockNumber: number;
  gasUsed: bigint;
  logs: Receipt["logs"];
  contractAddress: string | null;
}

/**
 * Sends one transaction for a person and waits until it is mined; for verbs, not for the node.
 * @param call an empty `to` creates a contract.
 * @throws RpcError where it would revert.
 */
export async function transact(
  rpc: Rpc,
  signer: Signer,
  call: ContractCall,
  options: { feeCeiling: bigint; pollMs?: number; timeoutMs?: number },
): Promise<Mined> {
  const from = signer.address;
  const to = call.to === "" ? null : call.to;
  const value = quantity(call.value ?? 0n);
  const [fees, [chainId, nonce, gas]] = await Promise.all([
    currentFees(rpc, options.feeCeiling),
    rpc.batch([
      { method: "eth_chainId", params: [] },
      { method: "eth_getTransactionCount", params: [from, "pending"] },
      { method: "eth_estimateGas", params: [{ from, ...(to === null ? {} : { to }), data: call.data, value }] },
    ]),
  ]);
  const gasLimit = BigInt(gas as string);
  const { hash, raw } = signer.sign({
    to,
    data: call.data,
    value: call.value ?? 0n,
    gasLimit: gasLimit + gasLimit / 4n,
    nonce: Number(nonce),
    chainId: Number(chainId),
    maxFeePerGas: fees.maxFee,
    maxPriorityFeePerGas: fees.priorityFee,
  });
  await rpc.call("eth_sendRawTransaction", [raw]);
  const { blockNumber, gasUsed, status, logs, contractAddress } = await receiptOf(
    rpc,
    hash,
    options.pollMs ?? 100,
    options.timeoutMs ?? 120_000,
  );
  if (status !== "0x1") throw new Error(`the transaction ${hash} was mined in block ${Number(blockNumber)} but reverted`);
  return { hash, blockNumber: Number(blockNumber), gasUsed: BigInt(gasUsed), logs, contractAddress };
}

async function receiptOf(rpc: Rpc, hash: string, pollMs: number, timeoutMs: number): Promise<Receipt> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const receipt = await rpc.call<Receipt | null>("eth_getTransactionReceipt", [hash]);
    if (receipt !== null) return receipt;
    if (performance.now() > end)
      throw new Error(`the transaction ${hash} was sent but not mined in ${timeoutMs / 1000} s; look for it later`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
