import { formatEther } from "ethers";
import type { ModelLibrary } from "../canonical/dispute/library.ts";
import { NotAdjudicableError } from "../canonical/dispute/model.ts";
import { hexOfHash } from "../canonical/dispute/views.ts";
import { answerIdOf, type ClaimCalls, type PublicationCalls } from "../chain/disputeCalls.ts";
import type { DisputeViews, PublicationViews } from "../chain/disputeViews.ts";
import type { Moves } from "../chain/moves.ts";
import type { BundleName } from "../core/demandFacts.ts";
import { coveredBaseFee, leastEscrow, publicationGas } from "../core/escrow.ts";
import type { Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import { rootOfBundleBytes } from "../core/traceTree.ts";
import type { DemandRow, DemandStore } from "../store/demands.ts";
import type { JobStore } from "../store/jobs.ts";
import type { Logger } from "../telemetry/log.ts";
import { ClaimTimes } from "./claimTimes.ts";
import { gasOfDispute } from "./funds.ts";

/** Bytes of an answer, or of its input, that this node can't get. */
export interface Hidden {
  job: Job;
  bundle: BundleName;
}

export interface DemanderOptions {
  account: string;
  jobs: JobStore;
  demands: DemandStore;
  library: ModelLibrary;
  calls: PublicationCalls;
  claimCalls: ClaimCalls;
  views: DisputeViews;
  publicationViews: PublicationViews;
  parts: { stakeToken: string };
  moves: Moves;
  /** @returns the newest block's base fee, wei per gas. */
  baseFee(): bigint;
  log: Logger;
}

/** More than a demand, a time-out and the claims after it take. */
const gasOfDemand = 1_000_000n;
/** A block's base fee may be an eighth above that of the one before, and it takes some blocks until a transaction is mined. */
const risen = (baseFee: bigint): bigint => (baseFee * 3n) / 2n;
/** Seconds of chain time between two complaints about an account that can't pay. */
const complainEvery = 60;

/** Demands bytes that can't be got, takes what is published for the answer's own bytes, and convicts whoever doesn't publish in time. */
export class Demander {
  readonly #options: DemanderOptions;
  readonly #times: ClaimTimes;
  #complainedAt = -Infinity;
  #gasPerByte: Promise<number> | undefined;

  constructor(options: DemanderOptions) {
    this.#options = options;
    this.#times = new ClaimTimes(options.views, options.claimCalls.claims);
  }

  /**
   * @param hidden what is demanded: of the answers with the largest bonds first.
   * @param challenges the bonds behind the answers whose disputes need this account's ETH as well.
   * @throws ChainUnavailableError
   */
  async tick(head: Head, hidden: readonly Hidden[], challenges: readonly bigint[]): Promise<void> {
    const { demands, account, log } = this.#options;
    const bond = ({ job }: Hidden) => job.request.params.bond;
    const plays = [
      ...demands.untaken().map((demand) => () => this.#take(demand)),
      ...[...hidden]
        .sort((a, b) => Number(bond(b) > bond(a)) - Number(bond(a) > bond(b)))
        .map((each) => () => this.#demand(each, head, challenges.filter((stake) => stake >= bond(each)).length)),
      ...demands.unmet().map((demand) => () => this.#timeout(demand, head)),
      ...demands.unclaimed(account).map((demand) => () => this.#claim(demand, head)),
    ];
    for (const play of plays) {
      try {
        await play();
      } catch (error) {
        log.error({ err: error }, "a demand could not be carried on; it is tried again");
      }
    }
  }

  /** @param before disputes about answers with as much at stake: their gas isn't spent on this one. */
  async #demand({ job, bundle }: Hidden, head: Head, before: number): Promise<void> {
    const { demands, moves, calls, log, baseFee } = this.#options;
    const { request, answer, finalizableAt, requestId } = job;
    const answerId = answerIdOf(requestId, answer!);
    const item = `${answerId} ${bundle}`;
    // Once, whoever asks.
    if (demands.get(answerId, bundle) !== undefined) return;
    if (moves.isLive("demand", item) || head.time >= finalizableAt!) return;
    if (!(await this.#isAdjudicable(request.params.modelId))) return;
    // What is too much comes back.
    const escrow = leastEscrow(await this.#gasOf(request.params.modelId, bundle), risen(baseFee()));
    const gas = gasOfDemand + BigInt(before) * gasOfDispute;
    if (!(await this.#affords(escrow, gas, head, { requestId, bundle, what: "demanding an answer's bytes" }))) return;
    log.warn(
      { request: requestId, operator: answer!.operator, bundle, escrow: escrow.toString() },
      "bytes can't be fetched: demanding them",
    );
    const call = () => calls.demand(request, answer!, bundle, escrow);
    await moves.send({ kind: "demand", item, call, deadline: finalizableAt }, head);
  }

  /** @returns the gas that publishing takes by the contract's count. */
  async #gasOf(modelId: string, bundle: BundleName): Promise<bigint> {
    const { library, publicationViews } = this.#options;
    const { program } = (await library.get(modelId)).model;
    this.#gasPerByte ??= publicationViews.gasPerByte();
    const gasPerByte = await this.#gasPerByte.catch((error: unknown) => {
      this.#gasPerByte = undefined;
      throw error;
    });
    return publicationGas(bundle === "OUTPUT" ? program.outputs : program.inputs, gasPerByte);
  }

  /** @returns whether the account has that much ETH and the price of that much gas; where it hasn't, the log says so. */
  async #affords(value: bigint, gas: bigint, head: Head, about: { requestId: string; bundle: BundleName; what: string }): Promise<boolean> {
    const { views, account, parts, moves, log } = this.#options;
    const { wei, gasPrice } = await views.meansOf(account, parts.stakeToken);
    // What those on their way take is not seen in the balance yet.
    const taken = moves.valueOnTheWay("demand") + BigInt(moves.pending("demand")) * gasOfDemand * gasPrice;
    const needed = taken + value + gas * gasPrice;
    if (wei >= needed) return true;
    if (head.time < this.#complainedAt + complainEvery) return false;
    this.#complainedAt = head.time;
    const { requestId, bundle, what } = about;
    log.error(
      { account, request: requestId, bundle, has: wei.toString(), needs: needed.toString() },
      `${account} has ${formatEther(wei)} ETH, ${what} takes ${formatEther(needed)} ETH, demands that are on their way included: send it at least ${formatEther(needed - wei)} ETH. Until then an answer stands unchecked`,
    );
    return false;
  }

  /** Nobody can challenge the answers of other models, so that nobody can demand their bytes either. */
  async #isAdjudicable(modelId: string): Promise<boolean> {
    try {
      await this.#options.library.get(modelId);
      return true;
    } catch (error) {
      if (error instanceof NotAdjudicableError) return false;
      throw error;
    }
  }

  /** Puts what was published in the place of what could not be fetched. */
  async #take({ requestId, answerId, bundle, operator }: DemandRow): Promise<void> {
    const { jobs, demands, library, log } = this.#options;
    const { request, answer } = jobs.get(requestId)!;
    if (bundle === "OUTPUT" && (answer === null || answerIdOf(requestId, answer) !== answerId)) return;
    const { program } = (await library.get(request.params.modelId)).model;
    const bytes = demands.published(answerId, bundle, bundle === "OUTPUT" ? program.outputs : program.inputs);
    const root = bundle === "OUTPUT" ? answer!.outputRoot : request.inputRoot;
    if (bytes === undefined || hexOfHash(rootOfBundleBytes(bytes)) !== root) {
      log.error(
        { request: requestId, bundle },
        "what was read of a publication is not what was committed to: add another provider to chain.rpc",
      );
      return;
    }
    log.info({ request: requestId, operator, bundle, bytes: bytes.length }, "demanded bytes were published");
    if (bundle === "OUTPUT") demands.keepOutput(requestId, root, bytes);
    else demands.keepInput(requestId, bytes);
  }

  async #timeout(demand: DemandRow, head: Head): Promise<void> {
    const { requestId, answerId, bundle, deadline } = demand;
    const { jobs, moves, calls } = this.#options;
    const job = jobs.get(requestId);
    if (head.time < deadline || job?.answer == null || answerIdOf(requestId, job.answer) !== answerId) return;
    const { request, answer } = job;
    if (!(await this.#covers(demand, job, head))) return;
    const call = () => calls.timeout(request, answer, bundle);
    await moves.send({ kind: "timeoutDemand", item: `${answerId} ${bundle}`, call, deadline: null }, head);
  }

  /**
   * Nobody is convicted while the base fee is above what the escrow covers. Whose demand it is raises it: after the deadline nothing can be
   * published any more, so that all of it comes back.
   */
  async #covers({ requestId, answerId, bundle, escrow, demander }: DemandRow, { request, answer }: Job, head: Head): Promise<boolean> {
    const { account, calls, moves, baseFee, log } = this.#options;
    const gas = await this.#gasOf(request.params.modelId, bundle);
    if (coveredBaseFee(gas, escrow) >= baseFee()) return true;
    const amount = leastEscrow(gas, baseFee()) - escrow;
    const item = `${answerId} ${bundle} ${escrow}`;
    if (demander !== account || moves.isLive("raiseEscrow", item)) return false;
    if (!(await this.#affords(amount, gasOfDemand, head, { requestId, bundle, what: "raising the escrow of a demand" }))) return false;
    log.warn(
      { request: requestId, bundle, escrow: escrow.toString(), amount: amount.toString() },
      "the base fee outgrew an escrow: raising it",
    );
    const call = () => calls.raiseEscrow(request, answer!, bundle, amount);
    await moves.send({ kind: "raiseEscrow", item, call, deadline: null }, head);
    return false;
  }

  /** Takes a demander's part of the bond of an answer that was taken away while its bytes were hidden. */
  async #claim({ requestId, answerId, bundle }: DemandRow, head: Head): Promise<void> {
    const { jobs, demands, claimCalls, moves } = this.#options;
    const job = jobs.get(requestId);
    const answer = demands.answers(requestId).find((each) => answerIdOf(requestId, each) === answerId);
    if (job === undefined || answer === undefined) return;
    if (job.answer !== null && answerIdOf(requestId, job.answer) === answerId) return;
    const until = await this.#times.untilOf(answerId, head.time);
    if (until === 0 || head.time < until) return;
    const call = () => claimCalls.claimDemand(job.request, answer, bundle);
    await moves.send({ kind: "claim", item: `${answerId} ${bundle}`, call, deadline: null }, head);
  }
}
