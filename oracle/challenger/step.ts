import type { CanonicalAnswer } from "../canonical/dispute/evaluations.ts";
import { DisputedTree, type RevealedNodes } from "../canonical/dispute/views.ts";
import { initialState, type StepPart, type StepSources, type StepState } from "../canonical/proof/stepProof.ts";
import { depthOf } from "../canonical/proof/treeView.ts";
import { answerIdOf, type StepClaimArguments } from "../chain/disputeCalls.ts";
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
  const { evaluation, shown, word, moves, calls, views } = context;
  const { stepVerifier } = context.parts;
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
  const { parts, states } = planOf(disputeId, evaluation, () => {
    const parts = model.prover.parts(leaf, word, sources);
    return {
      parts,
      states: model.prover.states(
        leaf,
        word,
        sources,
        parts.slice(0, -1).map(({ to }) => to),
      ),
    };
  });
  // The last of the states that the chain has proven; a reorganisation may have taken some back.
  let next = states.length;
  while (next > 0 && !(await views.isProven(stepVerifier, claim, parts[next - 1]!.to, states[next - 1]!))) next--;
  const proof = parts[next]!.encode(states[next - 1] ?? initialState);
  if (parts[next]!.last) {
    const call = () => calls.step(disputeId, request, answer, shown, word, proof);
    await moves.send({ kind: "step", item: disputeId, call, deadline }, head);
    return;
  }
  const call = () => calls.advance(stepVerifier, claim, proof);
  await moves.send({ kind: "advance", item: `${disputeId} ${parts[next]!.from}`, call, deadline: null }, head);
}

/** The transactions that recompute a word, and the state at the end of each but the last. */
interface Plan {
  parts: StepPart[];
  states: StepState[];
}

/** Kept as long as the evaluation is: a step of many transactions is looked at with every block. */
const plans = new WeakMap<CanonicalAnswer, Map<string, Plan>>();

function planOf(disputeId: string, evaluation: CanonicalAnswer, make: () => Plan): Plan {
  const known = plans.get(evaluation) ?? new Map<string, Plan>();
  plans.set(evaluation, known);
  let plan = known.get(disputeId);
  if (plan === undefined) known.set(disputeId, (plan = make()));
  return plan;
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
