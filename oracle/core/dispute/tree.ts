/** The shape of a trace's tree as the dispute walks it: heights count from the leaves, positions from the left. */

/** How many levels one reveal shows: 64 children (contracts/DisputeGame.sol, LEVELS_PER_REVEAL). */
export const levelsPerReveal = 6;

/** A player's view of a trace. */
export interface Trace {
  leafCount: number;
  /** Hash of a node that holds a leaf, as hex. */
  node(height: number, position: number): string;
  /** The 64 words of a leaf. */
  words(position: number): ArrayLike<number>;
}

/** @returns the number of levels above `leafCount` leaves. */
export function depthOf(leafCount: number): number {
  return leafCount <= 1 ? 0 : 32 - Math.clz32(leafCount - 1);
}

/** @returns the number of nodes of a height that hold a leaf. */
export function widthAt(leafCount: number, height: number): number {
  return Math.ceil(leafCount / 2 ** height);
}

export interface Children {
  /** The children's height. */
  height: number;
  /** The first child's position. */
  first: number;
  /** How many of them hold a leaf. */
  count: number;
}

/** What a reveal of the node at `height` (at least 1) and `position` shows. */
export function childrenOf(height: number, position: number, leafCount: number): Children {
  const levels = Math.min(height, levelsPerReveal);
  const first = position * 2 ** levels;
  return { height: height - levels, first, count: Math.min(2 ** levels, widthAt(leafCount, height - levels) - first) };
}
