import type { CanonicalAnswer } from "../canonical/dispute/evaluations.ts";
import { ownSums } from "../canonical/dispute/ownSums.ts";
import { DisputedTree, type RevealedNodes } from "../canonical/dispute/views.ts";
import { initialState, type StepSources } from "../canonical/proof/stepProof.ts";
import { answerIdOf } from "../chain/disputeCalls.ts";
import { segmentMove } from "../core/dispute/nextMove.ts";
import { firstElementOf, segmentsIn, statesOf } from "../core/dispute/segments.ts";
import type { Answer, Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import type { DisputeRow } from "../store/disputes.ts";
import type { PlayContext } from "./play.ts";

export interface StepContext extends PlayContext {
  evaluation: CanonicalAnswer;
  revealed: RevealedNodes;
  /** The disputed leaf as the operator showed it, and the word of it that is disputed. */
  shown: Uint8Array;
  word: number;
}

/** @returns what the word is recomputed from: the operator's own tree, as far as it was shown. */
export function sourcesOf(
  { position }: Pick<DisputeRow, "position">,
  { evaluation, revealed }: Pick<StepContext, "evaluation" | "revealed">,
): StepSources {
  const { model, inputs, tree } = evaluation;
  return { trace: new DisputedTree(tree, revealed, position), weights: model.weightTree, inputs };
}

/** Has the EVM recompute the word. */
export async function step(dispute: DisputeRow, { request }: Job, answer: Answer, head: Head, context: StepContext): Promise<void> {
  const { evaluation, shown, word, moves, calls } = context;
  const { disputeId, position: leaf, deadline } = dispute;
  const { prover } = evaluation.model;
  const call = () =>
    calls.step(disputeId, request, answer, shown, word, prover.part(leaf, word, sourcesOf(dispute, context)).encode(initialState));
  await moves.send({ kind: "step", item: disputeId, call, deadline }, head);
}

/** Has the EVM recompute the first segment whose end differs from this node's own, or the operator show the sums in it. */
export async function playSums(
  dispute: DisputeRow,
  { requestId, request }: Job,
  answer: Answer,
  head: Head,
  context: StepContext,
): Promise<void> {
  const { evaluation, disputes, word, moves, calls } = context;
  const { prover } = evaluation.model;
  const { disputeId, position: leaf, deadline } = dispute;
  const path = dispute.path!;
  const shown = disputes.sums(answerIdOf(requestId, answer), leaf, word, path);
  if (shown === undefined) return;
  const sources = sourcesOf(dispute, context);
  const sums = ownSums(evaluation);
  const { segment } = sums.framed(leaf, word, path);
  const [own, segments] = [sums.at(leaf, word, path), segmentsIn(segment)];
  const move = segmentMove(own, statesOf(shown), (index) => prover.isStepped(leaf, word, sources, segments[index]));
  if (move.kind === "pickSums") {
    const call = () => calls.pickSums(disputeId, shown, move.index);
    await moves.send({ kind: "pickSums", item: `${disputeId} ${path}`, call, deadline }, head);
    return;
  }
  const stepped = move.index === null ? firstElementOf(segment) : segments[move.index];
  const call = () =>
    calls.stepSegment(disputeId, request, answer, shown, prover.part(leaf, word, sources, stepped).encode(own[move.index ?? 0]!));
  await moves.send({ kind: "stepSegment", item: disputeId, call, deadline }, head);
}
