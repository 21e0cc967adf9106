/** What a player that holds a trace does next: pure, so that the node and the simulation of the game play by the same book. */
import type { Game, Move } from "./game.ts";
import { wordsPerLeaf } from "../traceTree.ts";
import { childrenOf, type Trace } from "./tree.ts";

/**
 * The challenger's move on its turn.
 * @param own the challenger's trace.
 * @param revealed the children that the operator showed of the disputed node, or the words of a leaf.
 * @param isStepped tells whether a word of the leaf is recomputed at once, and not through the sums that lead to it.
 * @returns null where nothing that was revealed differs: there is nothing to convict.
 */
export function challengerMove(
  game: Game,
  own: Trace,
  revealed: { hashes: readonly string[] } | { words: ArrayLike<number> },
  isStepped: (word: number) => boolean,
): { kind: "pick"; child: number } | { kind: "step"; word: number } | { kind: "pickSums"; index: number } | null {
  if ("words" in revealed) {
    const mine = own.words(game.position);
    for (let word = 0; word < wordsPerLeaf; word++) {
      if (mine[word] !== revealed.words[word]) return isStepped(word) ? { kind: "step", word } : { kind: "pickSums", index: word };
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
 * The challenger's move where sums are shown: it is about the first segment whose end differs, so that its beginning is the challenger's own
 * state, and its end not.
 * @param own states in front of the first segment and at the ends of all. @param shown the operator's.
 * @param isStepped tells whether a segment is recomputed at once, and not through the sums in it.
 * @returns the segment's number; null: there are too few sums or too many, which any element shows.
 */
export function segmentMove(
  own: readonly (readonly bigint[])[],
  shown: readonly (readonly bigint[])[],
  isStepped: (index: number) => boolean,
): { kind: "stepSegment"; index: number | null } | { kind: "pickSums"; index: number } {
  if (own.length !== shown.length) return { kind: "stepSegment", index: null };
  const differs = own.findIndex((state, i) => state.some((word, j) => word !== shown[i]![j]));
  // Where nothing differs there is nothing to convict, and the last segment is as good as any.
  const index = (differs < 1 ? own.length - 1 : differs) - 1;
  return { kind: isStepped(index) ? "stepSegment" : "pickSums", index };
}

/**
 * The operator's move on its turn.
 * @param withinTolerance whether its posted element lies within δ of its own canonical one: if not, only taking the answer back is left.
 */
export function operatorMove(
  { turn }: Game,
  withinTolerance: boolean,
): { kind: Extract<Move["kind"], "defend" | "reveal" | "revealSums"> | "retract" } | null {
  switch (turn) {
    case "defend":
      return withinTolerance ? { kind: "defend" } : { kind: "retract" };
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
