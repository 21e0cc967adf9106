/** What a player that holds a trace does next: pure, so that the node and the simulation of the game play by the same book. */
import type { Game, Move } from "./game.ts";
import { wordsPerLeaf } from "../traceTree.ts";
import { childrenOf, type Trace } from "./tree.ts";

/** Elements of a reduction up to which recomputing it at once is cheaper than having its sums shown and recomputing one segment. */
const longestStep = 1024;
/** Elements of a reduction up to which a segment of it fits in one transaction. */
const longestSummed = 2 ** 18;

/** @returns whether a challenger has the sums of a reduction of so many elements shown, instead of stepping through all of it. */
export const isSummed = (total: number): boolean => total > longestStep && total <= longestSummed;

/**
 * The challenger's move on its turn.
 * @param own the challenger's trace.
 * @param revealed the children that the operator showed of the disputed node, or the words of a leaf.
 * @param reductionOf tells how many elements a word of the leaf is reduced from.
 * @returns null where nothing that was revealed differs: there is nothing to convict.
 */
export function challengerMove(
  game: Game,
  own: Trace,
  revealed: { hashes: readonly string[] } | { words: ArrayLike<number> },
  reductionOf: (word: number) => number,
): { kind: "pick"; child: number } | { kind: "step"; word: number } | { kind: "pickWord"; word: number } | null {
  if ("words" in revealed) {
    const mine = own.words(game.position);
    for (let word = 0; word < wordsPerLeaf; word++) {
      if (mine[word] !== revealed.words[word]) return isSummed(reductionOf(word)) ? { kind: "pickWord", word } : { kind: "step", word };
    }
    return null;
  }
  const { height, first, count } = childrenOf(game.height, game.position, own.leafCount);
  // The first difference: everything left of it equals the challenger's own tree, so its operands can be opened.
  for (let child = 0; child < count; child++) {
    if (own.node(height, first + child) !== revealed.hashes[child]) return { kind: "pick", child };
  }
  return null;
}

/**
 * The segment that the challenger has recomputed: the first whose end differs, so that its beginning is the challenger's own state.
 * @param own states at the ends of all segments but the last. @param shown the operator's.
 */
export function segmentToStep(own: readonly (readonly bigint[])[], shown: readonly (readonly bigint[])[]): number {
  // Any segment shows that there are too few or too many.
  if (own.length !== shown.length) return 0;
  const differs = own.findIndex((state, i) => state.some((word, j) => word !== shown[i]![j]));
  return differs < 0 ? own.length : differs;
}

/**
 * The operator's move on its turn.
 * @param withinTolerance whether its posted element lies within δ of its own canonical one: if not, defending is impossible.
 */
export function operatorMove(
  { turn }: Game,
  withinTolerance: boolean,
): Extract<Move, { kind: "concede" | "defend" | "reveal" | "revealSums" }> | null {
  switch (turn) {
    case "defend":
      return withinTolerance ? { kind: "defend" } : { kind: "concede" };
    case "reveal":
      return { kind: "reveal" };
    case "sums":
      return { kind: "revealSums" };
    case "pick":
    case "segment":
    case "closed":
      return null;
  }
}
