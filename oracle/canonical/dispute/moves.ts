/** What each move of a dispute has to show, as `contracts/DisputeGame.sol` takes it. */
import { childrenOf } from "../../core/dispute/tree.ts";
import { dtypes, type Tensor } from "../../core/tensor.ts";
import { leafBytes, tensorRoot, wordsPerLeaf } from "../../core/traceTree.ts";
import { HashTree } from "../proof/hashTree.ts";
import { depthOf, MemoryTree, type TreeView } from "../proof/treeView.ts";
import { isWithin, type Tolerance } from "../tolerance.ts";
import { choiceOf, scoreLeaves } from "./choices.ts";
import type { CanonicalModel } from "./model.ts";

/** An element of the answer, opened under its output root. */
export interface PostedOpening {
  tensorRoots: Uint8Array[];
  tensorTop: Uint8Array;
  leaf: Uint8Array;
  siblings: Uint8Array[];
}

/** The same element of a trace. */
export interface CanonicalOpening {
  header: Uint8Array;
  instructionsTop: Uint8Array;
  traceTop: Uint8Array;
  leaf: Uint8Array;
  siblings: Uint8Array[];
  /** Opens the scores of the posted choice and the canonical one, where these differ; otherwise empty. */
  choice: string;
}

export interface Defence {
  posted: PostedOpening;
  canonical: CanonicalOpening;
  /** What `reveal` would show of the trace's top. */
  children: Uint8Array;
}

/** Which element of which of the answer's tensors. */
export interface Target {
  tensor: number;
  element: number;
}

/** One sibling for each level up to the top, lowest first. */
const pathOf = (tree: TreeView, leaf: number): Uint8Array[] =>
  Array.from({ length: depthOf(tree.leafCount) }, (_, height) => tree.node(height, Math.floor(leaf / 2 ** height) ^ 1));

/** @param outputs the answer's tensors as they were posted. @param trace the operator's. */
export function defenceOf(
  model: Pick<CanonicalModel, "program" | "header" | "instructionsTop" | "prover" | "weightTree">,
  trace: TreeView,
  outputs: readonly Tensor[],
  { tensor, element }: Target,
): Defence {
  const output = outputs[tensor]!;
  const postedTree = new MemoryTree(output.data);
  const postedLeaf = Math.floor((element * dtypes[output.dtype].size) / leafBytes);
  const traceLeaf = Math.floor((model.program.outputs[tensor]!.offset + element) / wordsPerLeaf);
  return {
    posted: {
      tensorRoots: outputs.map(tensorRoot),
      tensorTop: postedTree.top,
      leaf: postedTree.leaf(postedLeaf),
      siblings: pathOf(postedTree, postedLeaf),
    },
    canonical: {
      header: model.header,
      instructionsTop: model.instructionsTop,
      traceTop: trace.node(depthOf(trace.leafCount), 0),
      leaf: trace.leaf(traceLeaf),
      siblings: pathOf(trace, traceLeaf),
      choice: choiceProof(model, trace, output, { tensor, element }),
    },
    children: childrenBytes(trace, depthOf(trace.leafCount), 0),
  };
}

/** @returns the ABI-encoded proof that opens both choices' scores; "0x" where nothing else was chosen than the trace chooses. */
function choiceProof(
  { program, prover, weightTree }: Pick<CanonicalModel, "program" | "prover" | "weightTree">,
  trace: TreeView,
  output: Tensor,
  { tensor, element }: Target,
): string {
  const choice = choiceOf(program, tensor, element);
  if (choice === undefined || output.dtype !== program.outputs[tensor]!.dtype) return "0x";
  const word = program.outputs[tensor]!.offset + element;
  const leaf = trace.leaf(Math.floor(word / wordsPerLeaf));
  const canonical = new DataView(leaf.buffer, leaf.byteOffset).getInt32(4 * (word % wordsPerLeaf), true);
  const posted = integerAt(output, element);
  if (posted === BigInt(canonical) || posted < 0n || posted >= 2n ** 31n) return "0x";
  const leaves = scoreLeaves(choice, [Number(posted), canonical]);
  return prover.opening(choice.instruction.outLeaf, leaves, { trace, weights: weightTree });
}

/** @returns the element of an int32 or int64 tensor. */
function integerAt({ dtype, data }: Tensor, element: number): bigint {
  const view = new DataView(data.buffer, data.byteOffset);
  return dtype === "int64" ? view.getBigInt64(8 * element, true) : BigInt(view.getInt32(4 * element, true));
}

/** @returns what `reveal` takes: the hashes of the node's children that hold a leaf, or a leaf's 256 bytes. */
export function childrenBytes(trace: TreeView, height: number, position: number): Uint8Array {
  if (height === 0) return trace.leaf(position);
  const { height: below, first, count } = childrenOf(height, position, trace.leafCount);
  return Buffer.concat(Array.from({ length: count }, (_, i) => trace.node(below, first + i)));
}

/** @param children as they were revealed. @param levels how far they lie below the node. @returns what `pick` takes beside the child's number. */
export function pickOpening(children: Uint8Array, levels: number, child: number): { hash: Uint8Array; siblings: Uint8Array[] } {
  const hashes = Array.from({ length: children.length / 32 }, (_, i) => children.subarray(32 * i, 32 * i + 32));
  const tree = new HashTree(hashes);
  return {
    hash: hashes[child]!,
    siblings: Array.from({ length: levels }, (_, level) => tree.node(level, (child >>> level) ^ 1)),
  };
}

/** What a model's record says of one output. */
export interface OutputRules extends Pick<Tensor, "dtype" | "shape"> {
  tolerance: Tolerance;
  /** Of an output of choices, where their scores are at hand (`withChoices`): whether the posted one is as good as the canonical one. */
  isNearTie?: (element: number, posted: bigint, canonical: bigint) => boolean;
}

const typeText = ({ dtype, shape }: Pick<Tensor, "dtype" | "shape">) => `${dtype}[${shape.join(", ")}]`;

/** @returns whether an answer's element lies within tolerance of the canonical one. */
function elementIsRight(posted: Tensor, canonical: Tensor, element: number, { tolerance, isNearTie }: OutputRules): boolean {
  const { size } = dtypes[canonical.dtype];
  const at = element * size;
  if (canonical.dtype !== "float32") {
    const equal = posted.data.subarray(at, at + size).every((byte, i) => byte === canonical.data[at + i]);
    return equal || isNearTie?.(element, integerAt(posted, element), integerAt(canonical, element)) === true;
  }
  const word = ({ data }: Tensor) => new DataView(data.buffer, data.byteOffset).getUint32(at, true);
  return isWithin(word(posted), word(canonical), tolerance);
}

/** @returns whether an operator that holds the canonical outputs can defend this element of its answer. */
export function isDefensible(
  posted: readonly Tensor[],
  canonical: readonly Tensor[],
  rules: readonly OutputRules[],
  { tensor, element }: Target,
): boolean {
  const [mine, right, rule] = [posted[tensor], canonical[tensor], rules[tensor]];
  if (posted.length !== canonical.length) return false;
  if (mine === undefined || right === undefined || rule === undefined || typeText(mine) !== typeText(right)) return false;
  return elementIsRight(mine, right, element, rule);
}

/** @returns the first output element that a challenge would prove wrong; null where the answer is right. */
export function firstWrong(posted: readonly Tensor[], canonical: readonly Tensor[], rules: readonly OutputRules[]): Target | null {
  // An answer of more or fewer tensors can't be defended at any element.
  if (posted.length !== canonical.length) return { tensor: 0, element: 0 };
  for (const [tensor, right] of canonical.entries()) {
    const mine = posted[tensor];
    // What has another type or shape can't be opened as the program's output: its first element does for the challenge.
    if (mine === undefined || typeText(mine) !== typeText(right)) return { tensor, element: 0 };
    const count = right.data.length / dtypes[right.dtype].size;
    for (let element = 0; element < count; element++) {
      if (!elementIsRight(mine, right, element, rules[tensor]!)) return { tensor, element };
    }
  }
  return null;
}
