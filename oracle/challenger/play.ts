import type { Evaluations } from "../canonical/dispute/evaluations.ts";
import type { ModelLibrary } from "../canonical/dispute/library.ts";
import { pickOpening } from "../canonical/dispute/moves.ts";
import { hexOfHash, playedTrace, RevealedNodes, wordsOf } from "../canonical/dispute/views.ts";
import { InputError } from "../canonical/evaluate.ts";
import { depthOf } from "../canonical/proof/treeView.ts";
import { answerIdOf, type DisputeCalls } from "../chain/disputeCalls.ts";
import type { DisputeViews } from "../chain/disputeViews.ts";
import type { Moves } from "../chain/moves.ts";
import { readBundle } from "../content/bundles.ts";
import { challengerMove } from "../core/dispute/nextMove.ts";
import { childrenOf } from "../core/dispute/tree.ts";
import type { Answer, Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import type { DisputeRow, DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import { playForeign } from "./foreignInputs.ts";
import { playSums, sourcesOf, step } from "./step.ts";

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

/** Picks, or steps once the leaf or a short segment is reached; nothing while the evaluation runs. @throws NothingDiffersError @throws ChainUnavailableError */
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
  const stepping = { ...context, evaluation, revealed, shown };
  if (dispute.turn === "SEGMENT") return playSums(dispute, job, answer, head, { ...stepping, word: dispute.word! });
  const { deadline, disputeId, position } = dispute;
  const game = { turn: "pick" as const, height, position, word: 0, path: 0, deadline, otherClock: 0, outcome: null };
  const hashes = () => Array.from({ length: shown.length / 32 }, (_, i) => hexOfHash(shown.subarray(32 * i, 32 * i + 32)));
  const seen = height === 0 ? { words: wordsOf(shown) } : { hashes: hashes() };
  const isStepped = (word: number) => evaluation.model.prover.isStepped(position, word, sourcesOf(dispute, stepping));
  const move = challengerMove(game, playedTrace(tree), seen, isStepped);
  if (move === null) throw new NothingDiffersError(`nothing differs below node ${position} at height ${height} of dispute ${disputeId}`);
  if (move.kind === "step") return step(dispute, job, answer, head, { ...stepping, word: move.word });
  if (move.kind === "pickSums") {
    const call = () => context.calls.pickSums(disputeId, shown, move.index);
    await context.moves.send({ kind: "pickSums", item: disputeId, call, deadline }, head);
    return;
  }
  const { child } = move;
  const below = childrenOf(height, position, tree.leafCount);
  const { hash, siblings } = pickOpening(shown, height - below.height, child);
  const call = () => context.calls.pick(disputeId, child, hash, siblings);
  await context.moves.send({ kind: "pick", item: `${disputeId} ${height} ${position}`, call, deadline }, head);
}
