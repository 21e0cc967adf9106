/**
 * The rules of the dispute as a pure state machine: the same names, turns and clocks as contracts/DisputeGame.sol.
 * What a move must show (hashes, openings, arithmetic) is the contract's business; here a move is legal or not by its turn and time.
 */
import { wordsPerLeaf } from "../traceTree.ts";
import { deepestPath, indicesOf, pathBelow, wholePath } from "./segments.ts";
import { childrenOf, depthOf } from "./tree.ts";

export type Turn = "defend" | "reveal" | "pick" | "sums" | "segment" | "closed";
export type Outcome = "stepEqual" | "stepDifferent" | "operatorTimeout" | "challengerTimeout" | "answerVoided";

/** Seconds, and parts in 1/10,000; docs/dispute.md says what each of them buys. */
export interface GameParameters {
  /** For the operator's first move. */
  defendTime: number;
  clock: number;
  moveTime: number;
  grace: number;
  maxGrace: number;
}

export interface Game {
  turn: Turn;
  /** Levels between the disputed node and the leaves. */
  height: number;
  position: number;
  /** Which word of the disputed leaf, and which segment of its reduction (segments.ts), once they are picked. */
  word: number;
  path: number;
  /** Unix time, seconds, from which the side to move has lost. */
  deadline: number;
  /** Seconds left to the side that is not to move. */
  otherClock: number;
  outcome: Outcome | null;
}

/** What all disputes about one answer share. */
export interface SharedTrace {
  leafCount: number;
  /** Keys of the nodes whose children have been revealed. */
  revealed: Set<string>;
  /** Of every segment of a word of the trace whose sums have been revealed, by `sumsKey`: how many segments it was shown to have. */
  summed: Map<string, number>;
}

export type Move =
  | { kind: "defend" }
  | { kind: "reveal" }
  | { kind: "pick"; child: number }
  /** @param equal whether the EVM computes the operator's word. */
  | { kind: "step"; equal: boolean }
  /** @param index number of a word of the leaf, then of a segment of what was summed up last. */
  | { kind: "pickSums"; index: number }
  /** @param segments how many segments it shows the ends of. */
  | { kind: "revealSums"; segments: number }
  /** @param equal whether the EVM finds that the segment's end follows from its beginning. */
  | { kind: "stepSegment"; equal: boolean }
  | { kind: "timeout" };

export class IllegalMove extends Error {
  override name = "IllegalMove";
}

/**
 * A defence, which shows the top's children, then a pick and a reveal for each six of at most 32 levels, a pick and sums for a word and at
 * most seven segments, and the step.
 */
export const maxMoves = 1 + 2 * 6 + 2 * (1 + deepestPath) + 1;

export function openGame(now: number, { clock, defendTime }: GameParameters): Game {
  return { turn: "defend", height: 0, position: 0, word: 0, path: 0, deadline: now + defendTime, otherClock: clock, outcome: null };
}

export const nodeKey = (height: number, position: number): string => `${height}/${position}`;
export const sumsKey = ({ position, word, path }: Pick<Game, "position" | "word" | "path">): string => `${position}/${word}/${path}`;

export const sideToMove = (turn: Turn): "operator" | "challenger" | null =>
  turn === "closed" ? null : turn === "pick" || turn === "segment" ? "challenger" : "operator";

/** @throws IllegalMove where the contract would revert. */
export function play(game: Game, move: Move, now: number, shared: SharedTrace, parameters: GameParameters): Game {
  if (game.turn === "closed") throw new IllegalMove("the dispute is closed");
  if (move.kind === "timeout") {
    if (now < game.deadline) throw new IllegalMove("the clock is still running");
    return close(game, sideToMove(game.turn) === "challenger" ? "challengerTimeout" : "operatorTimeout");
  }
  if (now >= game.deadline) throw new IllegalMove("the clock has run out");
  switch (move.kind) {
    case "defend": {
      expectTurn(game, "defend");
      const height = depthOf(shared.leafCount);
      shared.revealed.add(nodeKey(height, 0));
      // The first move had a clock of its own.
      return { ...arrive({ ...game, height, position: 0 }, now, shared, parameters, "operator"), otherClock: parameters.clock };
    }
    case "reveal":
      expectTurn(game, "reveal");
      shared.revealed.add(nodeKey(game.height, game.position));
      return arrive(game, now, shared, parameters, "operator");
    case "pick": {
      expectTurn(game, "pick");
      if (game.height === 0) throw new IllegalMove("the disputed node is a leaf");
      const { height, first, count } = childrenOf(game.height, game.position, shared.leafCount);
      if (move.child < 0 || move.child >= count) throw new IllegalMove(`child ${move.child} holds no leaf`);
      return arrive({ ...game, height, position: first + move.child }, now, shared, parameters, "challenger");
    }
    case "step":
      expectTurn(game, "pick");
      expectLeaf(game);
      return close(game, move.equal ? "stepEqual" : "stepDifferent");
    case "pickSums": {
      const picked = pickSums(game, move.index, shared);
      return pass(picked, shared.summed.has(sumsKey(picked)) ? "segment" : "sums", now, parameters, "challenger");
    }
    case "revealSums":
      expectTurn(game, "sums");
      shared.summed.set(sumsKey(game), move.segments);
      return pass(game, "segment", now, parameters, "operator");
    case "stepSegment":
      expectTurn(game, "segment");
      return close(game, move.equal ? "stepEqual" : "stepDifferent");
  }
}

/** @returns Unix time until which an answer can be challenged after a dispute was closed in the operator's favour. */
export function graceUntil(now: number, windowEnd: number, previous: number, { grace, maxGrace }: GameParameters): number {
  return Math.max(previous, Math.min(now + grace, windowEnd + maxGrace));
}

/** @returns seconds that a dispute and its grace can add to a challenge window at most. */
export function maxDuration({ defendTime, clock, moveTime, maxGrace }: GameParameters): number {
  return maxGrace + defendTime + 2 * clock + maxMoves * moveTime;
}

function expectTurn({ turn }: Game, expected: Turn): void {
  if (turn !== expected) throw new IllegalMove(`it is the turn to ${turn}, not to ${expected}`);
}

function expectLeaf({ height }: Game): void {
  if (height !== 0) throw new IllegalMove("the disputed node is not a leaf");
}

/** A segment that is alone is not picked: it has one element, or the operator shows too few. */
function pickSums(game: Game, index: number, shared: SharedTrace): Game {
  if (game.turn === "segment") {
    const count = shared.summed.get(sumsKey(game))!;
    if (index < 0 || index >= count || count === 1 || indicesOf(game.path).length === deepestPath) {
      throw new IllegalMove(`segment ${index} of ${count} can't be picked`);
    }
    return { ...game, path: pathBelow(game.path, index) };
  }
  expectTurn(game, "pick");
  expectLeaf(game);
  if (index < 0 || index >= wordsPerLeaf) throw new IllegalMove(`a leaf has no word ${index}`);
  return { ...game, word: index, path: wholePath };
}

const close = (game: Game, outcome: Outcome): Game => ({ ...game, turn: "closed", outcome });

/** The disputed node has been reached: the operator reveals it, unless an earlier dispute has had it revealed. */
function arrive(game: Game, now: number, shared: SharedTrace, parameters: GameParameters, mover: "operator" | "challenger"): Game {
  return pass(game, shared.revealed.has(nodeKey(game.height, game.position)) ? "pick" : "reveal", now, parameters, mover);
}

/** Stops the mover's clock and starts the next player's. */
function pass(game: Game, turn: Turn, now: number, { moveTime }: GameParameters, mover: "operator" | "challenger"): Game {
  const passes = sideToMove(turn) !== mover;
  const mine = game.deadline - now;
  const clock = Math.max(passes ? game.otherClock : mine, moveTime);
  return { ...game, turn, deadline: now + clock, otherClock: passes ? mine : game.otherClock };
}
