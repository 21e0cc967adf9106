import { pickOpening } from "../canonical/dispute/moves.ts";
import { RevealedNodes } from "../canonical/dispute/views.ts";
import type { Program, ProgramInput } from "../canonical/program/types.ts";
import { initialState } from "../canonical/proof/stepProof.ts";
import type { TreeView } from "../canonical/proof/treeView.ts";
import { answerIdOf } from "../chain/disputeCalls.ts";
import { readBundle } from "../content/bundles.ts";
import { childrenOf, depthOf } from "../core/dispute/tree.ts";
import type { Answer, Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import type { Tensor } from "../core/tensor.ts";
import type { DisputeRow } from "../store/disputes.ts";
import type { PlayContext } from "./play.ts";

/** "fitting": the program takes them. "unread": it doesn't, but no instruction reads what is foreign, so every word still has a right value. */
export type Foreign = { leaf: number } | "unread" | "fitting";

const typeText = ({ dtype, shape }: ProgramInput) => `${dtype}[${shape.join()}]`;

/**
 * Tells whether a program takes a request's inputs. Where it doesn't, no word of an `input` instruction that reads a foreign one is right:
 * whatever trace an operator commits to, a step there convicts it.
 * @returns the first leaf of such an instruction.
 */
export function foreignInputs({ inputs: expected, instructions }: Program, inputs: readonly Tensor[]): Foreign {
  const foreign = expected.map((input, i) => inputs.length !== expected.length || typeText(input) !== typeText(inputs[i]!));
  if (inputs.length === expected.length && !foreign.includes(true)) return "fitting";
  const reader = instructions.find((instruction) => instruction.kind === "input" && foreign[instruction.tensor]);
  return reader === undefined ? "unread" : { leaf: reader.outLeaf };
}

/** The operands of an `input` instruction don't lie in the trace. */
const unopened: TreeView = {
  leafCount: 0,
  leaf: () => {
    throw new RangeError("an input instruction reads nothing of the trace");
  },
  node: () => {
    throw new RangeError("an input instruction reads nothing of the trace");
  },
};

/** Walks to a word that can't be right and steps there; this node needs no trace of its own for it. @throws ChainUnavailableError */
export async function playForeign(dispute: DisputeRow, job: Job, answer: Answer, head: Head, context: PlayContext): Promise<void> {
  const { library, disputes, jobs, content, moves, calls } = context;
  const { requestId, request } = job;
  const { disputeId, position, deadline } = dispute;
  const [{ model }, inputs] = await Promise.all([
    library.get(request.params.modelId),
    readBundle(jobs.input(requestId), request.inputRoot, content),
  ]);
  const foreign = foreignInputs(model.program, inputs);
  if (typeof foreign === "string") throw new TypeError(`the inputs of request ${requestId} are ${foreign}, yet they were challenged`);
  const revealed = new RevealedNodes(model.leafCount);
  for (const { height, position, children } of disputes.reveals(answerIdOf(requestId, answer))) revealed.add(height, position, children);
  const height = dispute.height ?? depthOf(model.leafCount);
  const shown = revealed.children(height, position);
  if (shown === undefined) return;
  if (height === 0) {
    const part = model.prover.part(position, 0, { trace: unopened, weights: model.weightTree, inputs });
    const call = () => calls.step(disputeId, request, answer, shown, 0, part.encode(initialState));
    await moves.send({ kind: "step", item: disputeId, call, deadline }, head);
    return;
  }
  const below = childrenOf(height, position, model.leafCount);
  const child = Math.floor(foreign.leaf / 2 ** below.height) - below.first;
  const { hash, siblings } = pickOpening(shown, height - below.height, child);
  const call = () => calls.pick(disputeId, child, hash, siblings);
  await moves.send({ kind: "pick", item: `${disputeId} ${height} ${position}`, call, deadline }, head);
}
