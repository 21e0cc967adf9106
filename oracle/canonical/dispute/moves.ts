/** What each move of a dispute has to show, as `contracts/DisputeGame.sol` takes it. */
import { childrenOf } from "../../core/dispute/tree.ts";
import { dtypes, type Tensor } from "../../core/tensor.ts";
import { leafBytes, tensorRoot, wordsPerLeaf } from "../../core/traceTree.ts";
import { HashTree } from "../proof/hashTree.ts";
import { depthOf, MemoryTree, type TreeView } from "../proof/treeView.ts";
import { isWithin, type Tolerance } from "../tolerance.ts";
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
  model: Pick<CanonicalModel, "program" | "header" | "instructionsTop">,
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
    },
    children: childrenBytes(trace, depthOf(trace.leafCount), 0),
  };
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
}

const typeText = ({ dtype, shape }: Pick<Tensor, "dtype" | "shape">) => `${dtype}[${shape.join(", ")}]`;

/** @returns the words at which an answer's element and the canonical one lie within tolerance of each other. */
function elementIsRight(posted: Tensor, canonical: Tensor, element: number, tolerance: Tolerance): boolean {
  const { size } = dtypes[canonical.dtype];
  const at = element * size;
  if (canonical.dtype !== "float32") return posted.data.subarray(at, at + size).every((byte, i) => byte === canonical.data[at + i]);
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
  return elementIsRight(mine, right, element, rule.tolerance);
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
      if (!elementIsRight(mine, right, element, rules[tensor]!.tolerance)) return { tensor, element };
    }
  }
  return null;
}
