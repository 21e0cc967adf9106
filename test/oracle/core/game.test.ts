import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Game,
  type GameParameters,
  IllegalMove,
  maxDuration,
  maxMoves,
  openGame,
  play,
  type SharedTrace,
  sideToMove,
} from "../../../oracle/core/dispute/game.ts";
import { challengerMove } from "../../../oracle/core/dispute/nextMove.ts";
import { childrenOf, depthOf, type Trace } from "../../../oracle/core/dispute/tree.ts";

const parameters: GameParameters = { clock: 3_600, moveTime: 300, grace: 600, maxGrace: 7_200 };
const games = 20_000;

/** A 32-bit generator that gives the same sequence everywhere (mulberry32). */
function seeded(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A trace whose leaf i has the words [honest(i), …], wrong where `wrong` says so; its tree is made on demand from what it covers. */
class SparseTrace implements Trace {
  readonly leafCount: number;
  readonly wrong: ReadonlyMap<number, number>;
  constructor(leafCount: number, wrong: ReadonlyMap<number, number>) {
    this.leafCount = leafCount;
    this.wrong = wrong;
  }
  node(height: number, position: number): string {
    const from = position * 2 ** height;
    const inside = [...this.wrong].filter(([leaf]) => leaf >= from && leaf < from + 2 ** height);
    return `${height}:${position}:${inside.map((pair) => pair.join("=")).join(",")}`;
  }
  words(position: number): number[] {
    const words = Array.from({ length: 64 }, (_, i) => (position * 64 + i) >>> 0);
    const word = this.wrong.get(position);
    if (word !== undefined) words[word]! ^= 1;
    return words;
  }
}

function revealedBy(trace: Trace, game: Game): { hashes: string[] } | { words: ArrayLike<number> } {
  if (game.height === 0) return { words: trace.words(game.position) };
  const { height, first, count } = childrenOf(game.height, game.position, trace.leafCount);
  return { hashes: Array.from({ length: count }, (_, i) => trace.node(height, first + i)) };
}

/**
 * One game between an operator with `theirs` and a challenger with `own`; a side that is not honest also stalls, and picks at random.
 * The step is decided as the EVM would: a word is wrong where it differs from the truth while everything in front of it is true.
 */
function playOut(
  random: (below: number) => number,
  honest: { operator: boolean; challenger: boolean },
  own: Trace,
  theirs: Trace,
  shared: SharedTrace,
) {
  let now = 1_000_000;
  const start = now;
  let game = openGame(now, parameters);
  let moves = 0;
  const truth = new SparseTrace(own.leafCount, new Map());
  while (game.turn !== "closed") {
    const side = sideToMove(game.turn)!;
    const stalls = !honest[side] && random(12) === 0;
    now = stalls ? game.deadline : now + random(Math.min(game.deadline - now, honest[side] ? 200 : 3_600));
    if (stalls) {
      assert.throws(() => play(game, { kind: "reveal" }, now, shared, parameters), IllegalMove);
      game = play(game, { kind: "timeout" }, now, shared, parameters);
      break;
    }
    moves++;
    if (game.turn === "defend") game = play(game, { kind: "defend" }, now, shared, parameters);
    else if (game.turn === "reveal") game = play(game, { kind: "reveal" }, now, shared, parameters);
    else {
      const best = honest.challenger ? challengerMove(game, own, revealedBy(theirs, game)) : null;
      if (best?.kind === "pick") game = play(game, best, now, shared, parameters);
      else if (game.height > 0) {
        const { count } = childrenOf(game.height, game.position, shared.leafCount);
        game = play(game, { kind: "pick", child: random(count) }, now, shared, parameters);
      } else {
        const word = best?.kind === "step" ? best.word : random(64);
        game = play(
          game,
          { kind: "step", equal: truth.words(game.position)[word] === theirs.words(game.position)[word] },
          now,
          shared,
          parameters,
        );
      }
    }
  }
  return { outcome: game.outcome!, moves, seconds: now - start };
}

test(`an honest party never loses in ${games} random games, and every game is bounded`, () => {
  const random = seeded(4);
  const convicting = new Set(["stepDifferent", "conceded", "operatorTimeout"]);
  for (let i = 0; i < games; i++) {
    const leafCount = 1 + random(2 ** (1 + random(20)));
    const truth = new SparseTrace(leafCount, new Map());
    const operatorHonest = i % 2 === 0;
    const wrong = new Map(operatorHonest ? [] : Array.from({ length: 1 + random(3) }, () => [random(leafCount), random(64)] as const));
    const theirs = new SparseTrace(leafCount, wrong);
    const shared: SharedTrace = { leafCount, revealed: new Set() };
    const honest = { operator: operatorHonest, challenger: !operatorHonest };
    for (let dispute = 0; dispute < 2; dispute++) {
      const { outcome, moves, seconds } = playOut(random, honest, truth, theirs, shared);
      assert.equal(convicting.has(outcome), !operatorHonest, `game ${i}: ${outcome} over ${leafCount} leaves`);
      assert.ok(moves <= maxMoves, `game ${i}: ${moves} moves`);
      assert.ok(seconds <= maxDuration(parameters), `game ${i}: ${seconds} s`);
    }
  }
});

test("a game over a quarter of a million leaves takes eight moves after the challenge", () => {
  const leafCount = 2 ** 18;
  const theirs = new SparseTrace(leafCount, new Map([[123_456, 7]]));
  const own = new SparseTrace(leafCount, new Map());
  const { moves, outcome } = playOut(seeded(1), { operator: true, challenger: true }, own, theirs, { leafCount, revealed: new Set() });
  assert.equal(outcome, "stepDifferent");
  assert.equal(moves, 8);
});

test("the depth of a tree is the number of halvings to one leaf", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 64, 65, 2 ** 18].map(depthOf), [0, 1, 2, 2, 3, 6, 7, 18]);
});
