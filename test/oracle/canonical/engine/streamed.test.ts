import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluateHere, evaluateStreamedHere } from "../../../../oracle/canonical/evaluate.ts";
import { traceLeaves } from "../../../../oracle/canonical/program/layout.ts";
import type { Program } from "../../../../oracle/canonical/program/types.ts";
import { wordsPerLeaf } from "../../../../oracle/core/traceTree.ts";
import { inspectModel } from "../../../../oracle/canonical/lowering/inspect.ts";
import { lower } from "../../../../oracle/canonical/lowering/lower.ts";
import { model, node, value } from "../build.ts";
import { randomProgram } from "../randomProgram.ts";
import { randomInputs, randomWeights } from "../randomWords.ts";
import { seeded } from "../seeded.ts";
import { typicalProgram } from "../typicalProgram.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function compare(program: Program, weights: Uint32Array, inputs: ReturnType<typeof randomInputs>, name: string): void {
  const resident = evaluateHere(program, weights, inputs);
  const streamed = evaluateStreamedHere(program, weights, inputs);
  assert.equal(hex(streamed.traceRoot), hex(resident.traceRoot), name);
  assert.deepEqual(streamed.outputs, resident.outputs, name);
}

test("E01: a concatenation of two equal halves gives the same root streamed and resident", () => {
  const file = model({
    input: [value("x", "float32", [8, 64])],
    output: [value("y", "float32", [16, 64])],
    node: [node("Relu", ["x"], ["a"]), node("Sigmoid", ["x"], ["b"]), node("Concat", ["a", "b"], ["y"], { axis: 0n })],
  });
  const lowering = lower(file);
  assert(lowering.adjudicable);
  const { program, weights } = lowering.lowered;
  compare(program, weights, randomInputs(seeded(1), program), "Relu, Sigmoid, Concat");
});

/** A program whose memory is shared: several parts of 64 leaves, an output from the middle, and an input that comes last. */
function longProgram(seed: number): Program {
  const random = seeded(seed);
  const program = randomProgram(random, { instructions: 60, words: seed % 3 === 0 ? 150 : 2000, across: seed % 2 === 0 });
  const { dims, outLeaf } = program.instructions[random.int(2, 40)]!;
  program.outputs.push({ dtype: "float32", shape: dims, offset: outLeaf * wordsPerLeaf });
  const late = { dtype: "int32" as const, shape: [random.int(1, 1000)] };
  program.instructions.push({ kind: "input", outLeaf: traceLeaves(program), dims: late.shape, tensor: program.inputs.push(late) - 1 });
  return program;
}

test("E01: random programs give the same root streamed and resident, whatever outputs an access reads", () => {
  for (let seed = 0; seed < 100; seed++) {
    const program = longProgram(seed);
    const random = seeded(seed + 1000);
    compare(program, randomWeights(random, program), randomInputs(random, program), `random program ${seed}`);
  }
});

test("E01: typical programs give the same root streamed and resident", () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = seeded(seed);
    const program = typicalProgram(random, 8, 600);
    compare(program, randomWeights(random, program), randomInputs(random, program), `typical program ${seed}`);
  }
});

/** Four outputs as large as the input, all of which must stay in memory until they are read. */
const fourfold = (elements: number) =>
  model({
    input: [value("x", "float32", [elements])],
    output: ["Exp", "Sin", "Cos", "Tanh"].map((operator) => value(operator, "float32", [elements])),
    node: ["Exp", "Sin", "Cos", "Tanh"].map((operator) => node(operator, ["x"], [operator])),
  });

test("E01: a model that doesn't fit into the engine's memory is not adjudicable, and inspect says why", () => {
  assert.equal(inspectModel(fourfold(2 ** 10)).adjudicable, true);
  const { adjudicable, refused } = inspectModel(fourfold(2 ** 28));
  assert.equal(adjudicable, false);
  assert.match(refused[0]!.reason, /takes \d+ bytes at least; the limit is \d+/);
});
