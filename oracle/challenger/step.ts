import type { CanonicalAnswer } from "../canonical/dispute/evaluations.ts";
import { DisputedTree, type RevealedNodes } from "../canonical/dispute/views.ts";
import { initialState, type StepPart, type StepSources } from "../canonical/proof/stepProof.ts";
import { depthOf } from "../canonical/proof/treeView.ts";
import { answerIdOf, type StepClaimArguments } from "../chain/disputeCalls.ts";
import { RpcError } from "../chain/rpc.ts";
import { segmentToStep } from "../core/dispute/nextMove.ts";
import type { Answer, Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import type { DisputeRow } from "../store/disputes.ts";
import type { PlayContext } from "./play.ts";

export interface StepContext extends PlayContext {
  evaluation: CanonicalAnswer;
  revealed: RevealedNodes;
  /** The disputed leaf as the operator showed it, and the first word of it that differs. */
  shown: Uint8Array;
  word: number;
}

/** @returns what the word is recomputed from: the operator's own tree, as far as it was shown. */
function sourcesOf({ position }: DisputeRow, { evaluation, revealed }: StepContext): StepSources {
  const { model, inputs, tree } = evaluation;
  return { trace: new DisputedTree(tree, revealed, position), weights: model.weightTree, inputs };
}

/** Has the EVM recompute the word; what is too long for one transaction is advanced part by part, one a block. */
export async function step(dispute: DisputeRow, { request }: Job, answer: Answer, head: Head, context: StepContext): Promise<void> {
  const { evaluation, shown, word, moves, calls } = context;
  const { model } = evaluation;
  const { disputeId, position: leaf, deadline } = dispute;
  const sources = sourcesOf(dispute, context);
  const { trace } = sources;
  const claim: StepClaimArguments = {
    programRoot: model.programRoot,
    weightRoot: model.weightRoot,
    inputRoot: request.inputRoot,
    traceTop: trace.node(depthOf(trace.leafCount), 0),
    traceLeaves: trace.leafCount,
    leaf,
    word,
  };
  let state: readonly bigint[] = initialState;
  for (const part of model.prover.parts(leaf, word, sources)) {
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

/** Has the EVM recompute the first segment of the picked word's reduction whose end differs from this node's own. */
export async function stepSegment(
  dispute: DisputeRow,
  { requestId, request }: Job,
  answer: Answer,
  head: Head,
  context: StepContext,
): Promise<void> {
  const { evaluation, disputes, shown, word, moves, calls } = context;
  const { prover } = evaluation.model;
  const { disputeId, position: leaf, deadline } = dispute;
  const states = disputes.sums(answerIdOf(requestId, answer), leaf, word);
  if (states === undefined) return;
  const sources = sourcesOf(dispute, context);
  const own = prover.sums(leaf, word, sources);
  const index = segmentToStep(own, states);
  const proof = prover.segment(leaf, word, index, sources).encode(own[index - 1] ?? initialState);
  const call = () => calls.stepSegment(disputeId, request, answer, shown, states, proof);
  await moves.send({ kind: "stepSegment", item: disputeId, call, deadline }, head);
}
