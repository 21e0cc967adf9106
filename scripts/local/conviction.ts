import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { hexlify } from "ethers";
import { buildFaceDetector } from "../../examples/faceDetector/model.ts";
import { readPicture, twoPeople } from "../../examples/faceDetector/picture.ts";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { disputeInterface, outcomes } from "../../oracle/chain/disputeCalls.ts";
import { DisputeViews } from "../../oracle/chain/disputeViews.ts";
import { operatorInterface } from "../../oracle/chain/contracts.ts";
import type { AccountName } from "../../oracle/cli/localChain.ts";
import { findRequest, topicOf } from "../../oracle/cli/requests.ts";
import { encodeBundle } from "../../oracle/core/tensor.ts";
import { rootOfBundleBytes } from "../../oracle/core/traceTree.ts";
import { deployFaceConsumer, detectorTolerance, fee, pictureFile, terms } from "./demo.ts";
import { lieAbout, Liar } from "./liar.ts";
import type { LocalSystem } from "./localSystem.ts";
import type { AssayProcess } from "./processes.ts";

/** Seconds of real time in which the disputed answers may be challenged. */
export const disputedWindow = 20;
const wrongElement = 9;
const timeoutMs = 120_000;

/** A move of the dispute as the chain recorded it. */
export interface RecordedMove {
  event: string;
  gasUsed: bigint;
}

export interface Conviction {
  outcome: string;
  moves: RecordedMove[];
  /** Milliseconds from the wrong answer to its conviction. */
  milliseconds: number;
  /** What each party has gained, in the smallest unit of the stake token; negative: lost. */
  money: { party: string; tokens: bigint; ether: bigint }[];
}

/** A second operator answers with one element a little off; the watchtower convicts it; the honest operator answers the reopened request. */
export class ConvictionDemo {
  readonly #system: LocalSystem;
  readonly #modelId: string;
  readonly #signal: AbortSignal;
  #requestId = "";

  constructor(system: LocalSystem, modelId: string, signal: AbortSignal) {
    this.#system = system;
    this.#modelId = modelId;
    this.#signal = signal;
  }

  /**
   * Lets the second operator lie while the honest one is away, and waits until it is convicted.
   * @param node the honest operator's; it is stopped, so that the other one answers first.
   */
  async convict(node: AssayProcess): Promise<Omit<Conviction, "money">> {
    await node.stop();
    await this.#system.registerOperator({ account: "operator2", stake: 1000n, models: [this.#modelId] });
    const input = await readPicture(twoPeople);
    const model = CanonicalModel.ofOnnx(buildFaceDetector());
    const lie = lieAbout(model, [input], wrongElement, 1.1 * toleranceValue);
    const root = hexlify(rootOfBundleBytes(encodeBundle([input])));
    const uri = pathToFileURL(pictureFile(this.#system)).href;
    const patient = { ...terms, submitPeriod: 600, challengeWindow: disputedWindow };
    const consumer = await deployFaceConsumer(this.#system, this.#modelId, patient);
    const data = consumer.abi.encodeFunctionData("look", [root, uri]);
    const asked = await this.#system.send("requester", { to: consumer.address, data, value: fee });
    this.#requestId = asked.logs.find(({ topics }) => topics[0] === topicOf("Requested"))!.topics[1]!;
    const liar = new Liar(this.#system, "operator2", model);
    await liar.answer(this.#requestId, lie);
    const from = performance.now();
    await liar.fight(this.#requestId, lie, { timeoutMs });
    return { ...(await this.#story()), milliseconds: performance.now() - from };
  }

  /** Waits until the honest operator has answered the reopened request and the answer is final. */
  async answerAgain(): Promise<void> {
    const { chain } = this.#system;
    const end = performance.now() + timeoutMs;
    while (performance.now() < end) {
      const { delivered, answer } = await findRequest(chain, this.#requestId);
      if (delivered === true && answer?.operator === this.#system.signer("operator").address) return;
      await sleep(100, undefined, { signal: this.#signal });
    }
    throw new Error(`the reopened request ${this.#requestId} was not made final in ${timeoutMs / 1000} s`);
  }

  /** @returns what each party has, beside what it staked and spent on gas. */
  async money(): Promise<Conviction["money"]> {
    const { chain } = this.#system;
    const view = async (address: string, abi: typeof disputeInterface, name: string, account: AccountName) =>
      (await this.#system.view({ address, abi }, name, this.#system.signer(account).address))[0];
    const stakeOf = async (account: AccountName) =>
      ((await view(chain.deployment.operatorRegistry, operatorInterface, "operatorOf", account)) as { stake: bigint }).stake;
    const owedEther = (account: AccountName) => chain.views.owed(this.#system.signer(account).address, `0x${"0".repeat(40)}`);
    const staked = 1000n * 10n ** 18n;
    const game = new DisputeViews(chain.rpc, chain.deployment.disputeGame);
    const reward = await game.rewardOf((await game.parts()).claims, this.#system.signer("challenger").address);
    return [
      { party: "honest operator", tokens: (await stakeOf("operator")) - staked, ether: await owedEther("operator") },
      { party: "operator that lied", tokens: (await stakeOf("operator2")) - staked, ether: await owedEther("operator2") },
      { party: "watchtower", tokens: reward, ether: await owedEther("challenger") },
      { party: "models' author", tokens: 0n, ether: await owedEther("author") },
    ];
  }

  async #story(): Promise<{ outcome: string; moves: RecordedMove[] }> {
    const { chain } = this.#system;
    const { disputeGame } = chain.deployment;
    const [opened] = await chain.logs(disputeGame, [disputeInterface.getEvent("Challenged")!.topicHash, null, this.#requestId]);
    const logs = (await chain.logs(disputeGame, [null as never, opened!.topics[1]!])) as unknown as {
      topics: string[];
      data: string;
      transactionHash: string;
    }[];
    let outcome = "open";
    /** By transaction: a defence reveals as well. */
    const moves = new Map<string, RecordedMove>();
    for (const log of logs) {
      const { name, args } = disputeInterface.parseLog(log)!;
      if (name === "Closed") outcome = outcomes[Number(args.outcome)]!;
      const move = moves.get(log.transactionHash);
      if (move !== undefined) {
        move.event += ` and ${name.toLowerCase()}`;
        continue;
      }
      const receipt = await chain.rpc.call<{ gasUsed: string }>("eth_getTransactionReceipt", [log.transactionHash]);
      moves.set(log.transactionHash, { event: name, gasUsed: BigInt(receipt.gasUsed) });
    }
    return { outcome, moves: [...moves.values()] };
  }
}

/** The tolerance's absolute part as a number. */
const toleranceValue = new Float32Array(Uint32Array.of(detectorTolerance.absolute).buffer)[0]!;
