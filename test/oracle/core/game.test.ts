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
import { challengerMove, segmentMove } from "../../../oracle/core/dispute/nextMove.ts";
import { deepestPath, lengthOf, segmentAt, segmentsIn, wholePath } from "../../../oracle/core/dispute/segments.ts";
import { childrenOf, depthOf, type Trace } from "../../../oracle/core/dispute/tree.ts";

const parameters: GameParameters = { defendTime: 900, clock: 3_600, moveTime: 300, grace: 600, maxGrace: 7_200 };
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
  readonly #sums: Record<string, bigint[][]> = {};
  constructor(leafCount: number, wrong: ReadonlyMap<number, number>) {
    this.leafCount = leafCount;
    this.wrong = wrong;
  }
  node(height: number, position: number): string {
    const from = position * 2 ** height;
    const inside = [...this.wrong].filter(([leaf]) => leaf >= from && leaf < from + 2 ** height);
    return `${height}:${position}:${inside.map((pair) => pair.join("=")).join(",")}`;
  }
  /** What a liar shows of the sums of a segment, between the ends that it has shown; the same whenever it is asked. */
  sums({ position, word, path }: Game, total: number, random: (below: number) => number): bigint[][] {
    const key = (of: number) => `${position}/${word}/${of}`;
    const ends =
      path === wholePath
        ? [[0n], wordState(this.words(position)[word]!)]
        : this.#sums[key(Math.floor(path / 32))]!.slice(path % 32, (path % 32) + 2);
    return (this.#sums[key(path)] ??= liedSums(sumsOf(total, path, 0), ends, random));
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

/** The state behind a whole reduction; those in front of it are their positions. */
const wordState = (word: number): bigint[] => [2n ** 64n + BigInt(word)];

/** The true states in front of what a path names and at the ends of its segments. */
function sumsOf(total: number, path: number, word: number): bigint[][] {
  const segment = segmentAt(total, path)!;
  return [segment.from, ...segmentsIn(segment).map(({ to }) => to)].map((at) => (at === total ? wordState(word) : [BigInt(at)]));
}

/** Sums of a liar: true up to some place, then anything; or too few, or too many. */
function liedSums(truth: bigint[][], [first, last]: bigint[][], random: (below: number) => number): bigint[][] {
  const from = random(truth.length);
  const inner = truth.slice(1, -1).map((state, i) => (i < from ? state : [BigInt(2 ** 50 + random(100))]));
  const count = random(6) === 0 ? random(32) : inner.length;
  return [first!, ...Array.from({ length: count }, (_, i) => inner[i] ?? [0n]), last!];
}

/** As the EVM finds, with the worst taken for granted: whatever a liar likes follows from a state that isn't true. */
function follows(states: readonly bigint[][], truth: readonly bigint[][], index: number): boolean {
  if (states.length !== truth.length) return false;
  return states[index]![0] !== truth[index]![0] || states[index + 1]![0] === truth[index + 1]![0];
}

/** Elements that a word is reduced from, up to the most that a program may have. */
const lengthsOf =
  (seed: number) =>
  (leaf: number, word: number): number => {
    const random = seeded(Math.imul(seed, 31) + Math.imul(leaf, 64) + word);
    return 1 + Math.floor((random(2 ** 30) / 2 ** 30) * 2 ** (random(2) === 0 ? random(12) : random(39)));
  };

/**
 * One game between an operator with `theirs` and a challenger with `own`; a side that is not honest also stalls, and picks at random.
 * The step is decided as the EVM would: a word is wrong where it differs from the truth while everything in front of it is true.
 */
function playOut(
  random: (below: number) => number,
  honest: { operator: boolean; challenger: boolean },
  own: Trace,
  theirs: SparseTrace,
  shared: SharedTrace,
  reductionOf: (leaf: number, word: number) => number,
) {
  let now = 1_000_000;
  const start = now;
  let game = openGame(now, parameters);
  let moves = 0;
  const truth = new SparseTrace(own.leafCount, new Map());
  const isStepped = (word: number) => reductionOf(game.position, word) <= 1024;
  const shownSums = (at: Game): bigint[][] => {
    const total = reductionOf(at.position, at.word);
    return honest.operator ? sumsOf(total, at.path, theirs.words(at.position)[at.word]!) : theirs.sums(at, total, random);
  };
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
    else if (game.turn === "sums") {
      const states = shownSums(game);
      game = play(game, { kind: "revealSums", segments: states.length - 1 }, now, shared, parameters);
    } else if (game.turn === "segment") {
      const total = reductionOf(game.position, game.word);
      const [own, states] = [sumsOf(total, game.path, truth.words(game.position)[game.word]!), shownSums(game)];
      const segments = segmentsIn(segmentAt(total, game.path)!);
      const move = honest.challenger
        ? segmentMove(own, states, (index) => lengthOf(segments[index]!) <= 256)
        : { kind: random(2) === 0 ? ("pickSums" as const) : ("stepSegment" as const), index: random(own.length - 1) };
      const canPick = states.length > 2 && game.path < 32 ** deepestPath;
      if (move.kind === "pickSums" && canPick) game = play(game, { kind: "pickSums", index: move.index! }, now, shared, parameters);
      else game = play(game, { kind: "stepSegment", equal: follows(states, own, move.index ?? 0) }, now, shared, parameters);
    } else {
      const best = honest.challenger ? challengerMove(game, own, revealedBy(theirs, game), isStepped) : null;
      if (best?.kind === "pick") game = play(game, best, now, shared, parameters);
      else if (game.height > 0) {
        const { count } = childrenOf(game.height, game.position, shared.leafCount);
        game = play(game, { kind: "pick", child: random(count) }, now, shared, parameters);
      } else if (best?.kind === "pickSums" || (best === null && random(2) === 0)) {
        game = play(game, { kind: "pickSums", index: best?.index ?? random(64) }, now, shared, parameters);
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

test(`A35 an honest party never loses in ${games} random games, and every game is bounded`, () => {
  const random = seeded(4);
  const convicting = new Set(["stepDifferent", "operatorTimeout"]);
  for (let i = 0; i < games; i++) {
    const leafCount = 1 + random(2 ** (1 + random(20)));
    const truth = new SparseTrace(leafCount, new Map());
    const operatorHonest = i % 2 === 0;
    const wrong = new Map(operatorHonest ? [] : Array.from({ length: 1 + random(3) }, () => [random(leafCount), random(64)] as const));
    const theirs = new SparseTrace(leafCount, wrong);
    const shared: SharedTrace = { leafCount, revealed: new Set(), summed: new Map() };
    const honest = { operator: operatorHonest, challenger: !operatorHonest };
    for (let dispute = 0; dispute < 2; dispute++) {
      const { outcome, moves, seconds } = playOut(random, honest, truth, theirs, shared, lengthsOf(i));
      assert.equal(convicting.has(outcome), !operatorHonest, `game ${i}: ${outcome} over ${leafCount} leaves`);
      assert.ok(moves <= maxMoves, `game ${i}: ${moves} moves`);
      assert.ok(seconds <= maxDuration(parameters), `game ${i}: ${seconds} s`);
    }
  }
});

test("A35 a game over a quarter of a million leaves takes eight moves after the challenge, and two for each time that sums are shown", () => {
  const leafCount = 2 ** 18;
  const theirs = new SparseTrace(leafCount, new Map([[123_456, 7]]));
  const own = new SparseTrace(leafCount, new Map());
  const honest = { operator: true, challenger: true };
  for (const [terms, expected] of [
    [64, 8],
    [4096, 10],
    [2 ** 20, 14],
    [2 ** 38, 20],
  ] as const) {
    const shared: SharedTrace = { leafCount, revealed: new Set(), summed: new Map() };
    const { moves, outcome } = playOut(seeded(1), honest, own, theirs, shared, () => terms);
    assert.deepEqual([outcome, moves], ["stepDifferent", expected]);
  }
});

test("the depth of a tree is the number of halvings to one leaf", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 64, 65, 2 ** 18].map(depthOf), [0, 1, 2, 2, 3, 6, 7, 18]);
});
