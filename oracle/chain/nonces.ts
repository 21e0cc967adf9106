import type { Journal } from "../store/journal.ts";
import type { Logger } from "../telemetry/log.ts";
import { coordinatorInterface } from "./contracts.ts";
import { disputeInterface } from "./disputeCalls.ts";
import { NotNowError } from "./fees.ts";
import { quantity, type Rpc } from "./rpc.ts";

/** Another node signs with the same key: going on would answer twice and defend twice, from two journals. */
export class KeyInUseError extends Error {
  override name = "KeyInUseError";
}

/** The transaction that used a nonce. */
export interface NonceOwner {
  hash: string;
  blockNumber: number;
  data: string;
}

/** Full nodes keep the state of the last 128 blocks. */
const searched = 100;

/**
 * Searches the blocks up to `head` for the transaction that used a nonce.
 * @returns undefined where it can't be told: the nonce is free, or was used longer ago than the provider keeps the state of.
 */
export async function nonceOwner(rpc: Rpc, address: string, nonce: number, head: number): Promise<NonceOwner | undefined> {
  const usedIn = async (block: number): Promise<boolean | undefined> => {
    const [reply] = await rpc.settle([{ method: "eth_getTransactionCount", params: [address, quantity(block)] }]);
    return "error" in reply! ? undefined : Number(reply!.result) > nonce;
  };
  let [below, above] = [Math.max(0, head - searched), head];
  if ((await usedIn(below)) !== false || (await usedIn(above)) !== true) return undefined;
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    const used = await usedIn(middle);
    if (used === undefined) return undefined;
    if (used) above = middle;
    else below = middle;
  }
  const [reply] = await rpc.settle([{ method: "eth_getBlockByNumber", params: [quantity(above), true] }]);
  const block =
    "error" in reply! ? null : (reply!.result as { transactions: { hash: string; from: string; nonce: string; input: string }[] });
  const owner = block?.transactions.find(
    ({ from, ...each }) => from.toLowerCase() === address.toLowerCase() && Number(each.nonce) === nonce,
  );
  return owner && { hash: owner.hash, blockNumber: above, data: owner.input };
}

/** What only a running node sends: people retract, finalize and withdraw by hand, too. */
const nodeSelectors = new Set([
  ...["submit", "submitByURI", "submitBatch"].map((name) => coordinatorInterface.getFunction(name)!.selector),
  ...["commitChallenge", "challenge", "defend", "reveal", "revealSums", "pick", "pickSums", "step", "stepSegment"].map(
    (name) => disputeInterface.getFunction(name)!.selector,
  ),
]);

export interface NoncesOptions {
  rpc: Rpc;
  journal: Journal;
  address: string;
  /** Blocks that a stranger's transaction gets to be mined, before its nonce is fought for. */
  stuckBlocks: number;
  log: Logger;
}

/** Gives out this account's nonces, and notices who else uses them. */
export class Nonces {
  readonly #options: NoncesOptions;
  /** From here on every nonce is the journal's, or a stranger's. */
  #base: number | undefined;
  #startedAt = Infinity;
  #strangerSince: number | undefined;
  #keyInUse: KeyInUseError | undefined;

  constructor(options: NoncesOptions) {
    this.#options = options;
  }

  /** Takes what the account has sent so far, mined or not, for its own past. */
  async start(): Promise<void> {
    if (this.#base !== undefined) return;
    const { pending, block } = await this.#counts();
    this.#base = pending;
    this.#startedAt = block;
  }

  /** @throws KeyInUseError where another node was seen to use the key. */
  check(): void {
    if (this.#keyInUse !== undefined) throw this.#keyInUse;
  }

  /**
   * @param head number of the last block that was read.
   * @returns the lowest nonce that nobody has used. @throws KeyInUseError @throws NotNowError while a stranger's transaction waits in the pool.
   */
  async next(head: number): Promise<number> {
    this.check();
    await this.start();
    const { journal, stuckBlocks } = this.#options;
    for (;;) {
      const next = journal.nextNonce(this.#base!);
      const { latest, pending, block } = await this.#counts();
      if (pending <= next) {
        this.#strangerSince = undefined;
        return next;
      }
      if (latest <= next) {
        // What it does can only be told once it is mined.
        this.#strangerSince ??= head;
        if (head >= this.#strangerSince + stuckBlocks) return next;
        throw new NotNowError(`a transaction that is not this node's waits in the pool with nonce ${next}: waiting for what becomes of it`);
      }
      const owner = await nonceOwner(this.#options.rpc, this.#options.address, next, block);
      this.report(next, owner);
      this.#base = owner === undefined ? latest : next + 1;
    }
  }

  /**
   * A nonce was used by a transaction that isn't in the journal.
   * @throws KeyInUseError where a node sent it since this one has started.
   */
  report(nonce: number, owner: NonceOwner | undefined): void {
    const { log, address } = this.#options;
    if (owner !== undefined && owner.blockNumber > this.#startedAt && nodeSelectors.has(owner.data.slice(0, 10))) {
      this.#keyInUse = new KeyInUseError(
        `another node uses the key of ${address} (it sent ${owner.hash} in block ${owner.blockNumber}): stop one of them, or give each a key of its own`,
      );
      throw this.#keyInUse;
    }
    log.error(
      { nonce, account: address, hash: owner?.hash },
      "a transaction from outside used this nonce: stop the node before you send something by hand, or give the node a key of its own",
    );
  }

  async #counts(): Promise<{ latest: number; pending: number; block: number }> {
    const { rpc, address } = this.#options;
    const [latest, pending, block] = (await rpc.batch([
      { method: "eth_getTransactionCount", params: [address, "latest"] },
      { method: "eth_getTransactionCount", params: [address, "pending"] },
      { method: "eth_blockNumber", params: [] },
    ])) as [string, string, string];
    return { latest: Number(latest), pending: Number(pending), block: Number(block) };
  }
}
