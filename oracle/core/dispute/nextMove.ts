/** What a player that holds a trace does next: pure, so that the node and the simulation of the game play by the same book. */
import type { Game, Move } from "./game.ts";
import { childrenOf, type Trace } from "./tree.ts";

/**
 * The challenger's move on its turn.
 * @param own the challenger's trace.
 * @param revealed the children that the operator showed of the disputed node, or the words of a leaf.
 * @returns null where nothing that was revealed differs: there is nothing to convict.
 */
export function challengerMove(
  game: Game,
  own: Trace,
  revealed: { hashes: readonly string[] } | { words: ArrayLike<number> },
): { kind: "pick"; child: number } | { kind: "step"; word: number } | null {
  if ("words" in revealed) {
    const mine = own.words(game.position);
    for (let word = 0; word < 64; word++) if (mine[word] !== revealed.words[word]) return { kind: "step", word };
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
 * The operator's move on its turn.
 * @param withinTolerance whether its posted element lies within δ of its own canonical one: if not, defending is impossible.
 */
export function operatorMove({ turn }: Game, withinTolerance: boolean): Extract<Move, { kind: "concede" | "defend" | "reveal" }> | null {
  switch (turn) {
    case "defend":
      return withinTolerance ? { kind: "defend" } : { kind: "concede" };
    case "reveal":
      return { kind: "reveal" };
    case "pick":
    case "closed":
      return null;
  }
}
