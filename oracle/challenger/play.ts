import type { CanonicalAnswer, Evaluations } from "../canonical/dispute/evaluations.ts";
import type { ModelLibrary } from "../canonical/dispute/library.ts";
import { pickOpening } from "../canonical/dispute/moves.ts";
import { DisputedTree, hexOfHash, playedTrace, RevealedNodes, wordsOf } from "../canonical/dispute/views.ts";
import { InputError } from "../canonical/evaluate.ts";
import { initialState, type StepPart } from "../canonical/proof/stepProof.ts";
import { depthOf } from "../canonical/proof/treeView.ts";
import { answerIdOf, type DisputeCalls, type StepClaimArguments } from "../chain/disputeCalls.ts";
import type { DisputeViews } from "../chain/disputeViews.ts";
import type { Moves } from "../chain/moves.ts";
import { RpcError } from "../chain/rpc.ts";
import { readBundle } from "../content/bundles.ts";
import { challengerMove } from "../core/dispute/nextMove.ts";
import { childrenOf } from "../core/dispute/tree.ts";
import type { Answer, Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import type { DisputeRow, DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import { playForeign } from "./foreignInputs.ts";

/** What a challenger needs to make its move. */
export interface PlayContext {
  library: ModelLibrary;
  jobs: JobStore;
  disputes: DisputeStore;
  evaluations: Evaluations;
  content: { fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array> };
  calls: DisputeCalls;
  views: DisputeViews;
  parts: { stepVerifier: string };
  moves: Moves;
}

/** Nothing that the operator revealed differs from this node's own evaluation: one of the two is broken. */
export class NothingDiffersError extends Error {
  override name = "NothingDiffersError";
}

/** Picks, or steps once the leaf is reached; nothing while the evaluation runs. @throws NothingDiffersError @throws ChainUnavailableError */
export async function playMove(dispute: DisputeRow, job: Job, answer: Answer, head: Head, context: PlayContext): Promise<void> {
  const { disputes, evaluations, jobs, content } = context;
  const { requestId, request } = job;
  const evaluation = evaluations.get(requestId, request.params.modelId, () =>
    readBundle(jobs.input(requestId), request.inputRoot, content),
  );
  if (evaluation === undefined) return;
  if (evaluation instanceof InputError) return playForeign(dispute, job, answer, head, context);
  if (evaluation instanceof Error) {
    await evaluations.release(requestId);
    throw evaluation;
  }
  const { tree } = evaluation;
  const revealed = new RevealedNodes(tree.leafCount);
  for (const { height, position, children } of disputes.reveals(answerIdOf(requestId, answer))) revealed.add(height, position, children);
  const height = dispute.height ?? depthOf(tree.leafCount);
  const shown = revealed.children(height, dispute.position);
  if (shown === undefined) return;
  const game = { turn: "pick" as const, height, position: dispute.position, deadline: dispute.deadline, otherClock: 0, outcome: null };
  const hashes = () => Array.from({ length: shown.length / 32 }, (_, i) => hexOfHash(shown.subarray(32 * i, 32 * i + 32)));
  const move = challengerMove(game, playedTrace(tree), height === 0 ? { words: wordsOf(shown) } : { hashes: hashes() });
  if (move === null)
    throw new NothingDiffersError(`nothing differs below node ${dispute.position} at height ${height} of dispute ${dispute.disputeId}`);
  if (move.kind === "step") return step(dispute, job, answer, head, { ...context, evaluation, revealed, shown, word: move.word });
  const below = childrenOf(height, dispute.position, tree.leafCount);
  const { hash, siblings } = pickOpening(shown, height - below.height, move.child);
  await context.moves.send(
    {
      kind: "pick",
      item: `${dispute.disputeId} ${height} ${dispute.position}`,
      call: () => context.calls.pick(dispute.disputeId, move.child, hash, siblings),
      deadline: dispute.deadline,
    },
    head,
  );
}

interface StepContext extends PlayContext {
  evaluation: CanonicalAnswer;
  revealed: RevealedNodes;
  /** The disputed leaf as the operator showed it, and the first word of it that differs. */
  shown: Uint8Array;
  word: number;
}

/** Has the EVM recompute the word; what is too long for one transaction is advanced part by part, one a block. */
async function step(dispute: DisputeRow, { request }: Job, answer: Answer, head: Head, context: StepContext): Promise<void> {
  const { evaluation, revealed, shown, word, moves, calls } = context;
  const { model, inputs } = evaluation;
  const { disputeId, position: leaf, deadline } = dispute;
  const trace = new DisputedTree(evaluation.tree, revealed, leaf);
  const claim: StepClaimArguments = {
    programRoot: model.programRoot,
    weightRoot: model.weightRoot,
    inputRoot: request.inputRoot,
    traceTop: trace.node(depthOf(trace.leafCount), 0),
    traceLeaves: trace.leafCount,
    leaf,
    word,
  };
  const parts = model.prover.parts(leaf, word, { trace, weights: model.weightTree, inputs });
  let state: readonly bigint[] = initialState;
  for (const part of parts) {
    const proof = part.encode(state);
    if (part.last) {
      const call = () => calls.step(disputeId, request, answer, shown, word, proof);
      await moves.send({ kind: "step", item: disputeId, call, deadline }, head);
      return;
    }
    const next = await advance(claim, part, proof, disputeId, head, context);
    if (next === undefined) return;
    state = next;
  }
}

/** @returns the state behind the part once the chain has proven it. */
async function advance(
  claim: StepClaimArguments,
  part: StepPart,
  proof: string,
  disputeId: string,
  head: Head,
  { views, parts: { stepVerifier }, moves, calls }: StepContext,
): Promise<bigint[] | undefined> {
  let next: bigint[];
  try {
    next = await views.advanced(stepVerifier, claim, proof);
  } catch (error) {
    // The part in front of it isn't in a block that this provider knows.
    if (error instanceof RpcError) return undefined;
    throw error;
  }
  if (await views.isProven(stepVerifier, claim, part.to, next)) return next;
  const item = `${disputeId} ${part.from}`;
  await moves.send({ kind: "advance", item, call: () => calls.advance(stepVerifier, claim, proof), deadline: null }, head);
  return undefined;
}
