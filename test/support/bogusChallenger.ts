import { randomBytes } from "node:crypto";
import type { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { OwnSums } from "../../oracle/canonical/dispute/ownSums.ts";
import { childrenBytes, pickOpening, type Target } from "../../oracle/canonical/dispute/moves.ts";
import { initialState } from "../../oracle/canonical/proof/stepProof.ts";
import type { TreeView } from "../../oracle/canonical/proof/treeView.ts";
import type { ContractCall } from "../../oracle/chain/contracts.ts";
import { answerIdOf, DisputeCalls, disputeInterface, turns } from "../../oracle/chain/disputeCalls.ts";
import type { Receipt } from "../../oracle/cli/chain.ts";
import { CliError } from "../../oracle/cli/exitCodes.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import { bytesOfStates, segmentsIn } from "../../oracle/core/dispute/segments.ts";
import { childrenOf } from "../../oracle/core/dispute/tree.ts";
import type { Answer, Request } from "../../oracle/core/job.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import type { Account, LocalSystem } from "../../scripts/local/localSystem.ts";
import { until } from "./until.ts";

/** What a challenge in vain is about: the trace of a right answer, as its operator will show it. */
export interface RightAnswer {
  model: CanonicalModel;
  inputs: readonly Tensor[];
  trace: TreeView;
}

/** How a bogus challenger walks. */
export interface Walk {
  /** The leaf of the trace that it picks its way to, and the word of it that it has recomputed. */
  leaf: number;
  word: number;
  /** Moves behind its challenge after which it is never seen again. Default: it plays to the end. */
  leavesAfter?: number;
  /** Before each of its moves it tries the same with other hashes; the contract must refuse. */
  garbles?: boolean;
}

interface State {
  turn: (typeof turns)[number];
  height: number;
  position: number;
  path: number;
  deadline: number;
}

/** Challenges a right answer and walks through its trace as if something were wrong there. */
export class BogusChallenger {
  /** The dispute's identity once it is open. */
  readonly commitment: string;
  readonly #system: LocalSystem;
  readonly account: Account;
  readonly #calls: DisputeCalls;
  readonly #about: { request: Request; answer: Answer; target: Target; salt: string };

  private constructor(
    system: LocalSystem,
    account: Account,
    calls: DisputeCalls,
    about: { requestId: string; request: Request; answer: Answer; target: Target; salt: string },
  ) {
    const { requestId, answer, target, salt } = about;
    this.#system = system;
    this.account = account;
    this.#calls = calls;
    this.#about = about;
    const { address } = system.signer(account);
    this.commitment = calls.commitmentOf(answerIdOf(requestId, answer), target.tensor, target.element, salt, address);
  }

  /** Commits to a challenge of a request's answer. @param account has allowed the game to take its bond. */
  static async commit(system: LocalSystem, account: Account, requestId: string, target: Target): Promise<BogusChallenger> {
    const { request, answer } = await findRequest(system.chain, requestId);
    const salt = `0x${randomBytes(32).toString("hex")}`;
    const calls = new DisputeCalls(system.chain.deployment);
    const challenger = new BogusChallenger(system, account, calls, { requestId, request, answer: answer!, target, salt });
    await system.send(account, challenger.commitmentCall);
    return challenger;
  }

  get commitmentCall(): ContractCall {
    return this.#calls.commitChallenge(this.commitment);
  }

  /** @returns the challenge, to be sent once the commitment is old enough. */
  get challenge(): ContractCall {
    const { request, answer, target, salt } = this.#about;
    return this.#calls.challenge(request, answer, target.tensor, target.element, salt);
  }

  open(): Promise<Receipt> {
    return this.#system.send(this.account, this.challenge);
  }

  /** Walks until the dispute is closed, or it leaves. @returns how often the contract refused garbage. */
  async walk(about: RightAnswer, { leaf, word, leavesAfter = Infinity, garbles = false }: Walk): Promise<number> {
    let [moves, refused] = [0, 0];
    const step = async () => {
      const state = await this.state();
      if (state.turn === "CLOSED" || moves >= leavesAfter) return true;
      if (state.turn !== "PICK" && state.turn !== "SEGMENT") return false;
      const call = (garbled: boolean) => this.#move(state, about, { leaf, word }, garbled);
      if (garbles) {
        await this.#mustBeRefused(call(true));
        refused++;
      }
      await this.#system.send(this.account, call(false));
      moves++;
      return moves >= leavesAfter;
    };
    await until(`the end of dispute ${this.commitment}`, step, 120_000);
    return refused;
  }

  async state(): Promise<State> {
    const { chain } = this.#system;
    const data = disputeInterface.encodeFunctionData("disputeOf", [this.commitment]);
    const result = await chain.rpc.call<string>("eth_call", [{ to: this.#calls.game, data }, "latest"]);
    const [state] = disputeInterface.decodeFunctionResult("disputeOf", result) as unknown as [Record<keyof State, bigint>];
    const { turn, height, position, path, deadline } = state;
    return {
      turn: turns[Number(turn)]!,
      height: Number(height),
      position: Number(position),
      path: Number(path),
      deadline: Number(deadline),
    };
  }

  #move(
    { turn, height, position, path }: State,
    { model, inputs, trace }: RightAnswer,
    aim: { leaf: number; word: number },
    garbled: boolean,
  ) {
    const { request, answer } = this.#about;
    const shown = Uint8Array.from(childrenBytes(trace, height, position));
    if (garbled) shown[shown.length - 1]! ^= 1;
    if (height === 0) {
      const { prover, weightTree } = model;
      const sources = { trace, weights: weightTree, inputs };
      if (turn === "SEGMENT") {
        const sums = new OwnSums(prover, sources);
        const states = sums.at(position, aim.word, path);
        const [first] = segmentsIn(sums.framed(position, aim.word, path).segment);
        const bytes = bytesOfStates(states);
        if (garbled) bytes[bytes.length - 1]! ^= 1;
        if (!prover.isStepped(position, aim.word, sources, first)) return this.#calls.pickSums(this.commitment, bytes, 0);
        const proof = prover.part(position, aim.word, sources, first).encode(initialState);
        return this.#calls.stepSegment(this.commitment, request, answer, bytes, proof);
      }
      if (!prover.isStepped(position, aim.word, sources)) return this.#calls.pickSums(this.commitment, shown, aim.word);
      const proof = prover.part(position, aim.word, sources).encode(initialState);
      return this.#calls.step(this.commitment, request, answer, shown, aim.word, proof);
    }
    const below = childrenOf(height, position, trace.leafCount);
    const child = Math.floor(aim.leaf / 2 ** below.height) - below.first;
    const { hash, siblings } = pickOpening(shown, height - below.height, child);
    return this.#calls.pick(this.commitment, child, hash, siblings);
  }

  async #mustBeRefused(call: ContractCall): Promise<void> {
    try {
      await this.#system.send(this.account, call);
    } catch (error) {
      if (error instanceof CliError && error.failure === "refused") return;
      throw error;
    }
    throw new Error(`the contract took a move of the dispute ${this.commitment} that shows other hashes than the operator revealed`);
  }
}
