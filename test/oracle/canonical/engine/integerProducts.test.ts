import assert from "node:assert/strict";
import { test } from "node:test";
import { buildQLinearCnn } from "../../../../examples/quantised/cnn.ts";
import { encodeModel, initializer, model, node, valueInfo } from "../../../../oracle/content/onnxBuild.ts";
import type { Dtype, Tensor } from "../../../../oracle/core/tensor.ts";
import { evaluateHere } from "../../../../oracle/canonical/evaluate.ts";
import { prepareProgram } from "../../../../oracle/canonical/engine/prepared.ts";
import { lower } from "../../../../oracle/canonical/lowering/lower.ts";
import type { Access, ContractInstruction, Program } from "../../../../oracle/canonical/program/types.ts";
import { evaluateByReference } from "../../../../oracle/canonical/reference/evaluate.ts";
import { firstDifference, wordsOf } from "../differential.ts";
import { intCorners, seeded, type Seeded } from "../seeded.ts";

/** @returns how the engine computes each integer contraction of a file's program. */
function pathsOf(file: Uint8Array): string[] {
  const lowering = lower(file);
  assert.ok(lowering.adjudicable);
  const { program, weights } = lowering.lowered;
  const { tasks } = prepareProgram(program, weights, { workers: 1, streamed: false });
  return program.instructions.flatMap((instruction, i) =>
    instruction.kind === "contract" && instruction.type === "i32" ? [tasks[i]!.kind] : [],
  );
}

const tensor = (dtype: Dtype, shape: number[]): Tensor => ({
  dtype,
  shape,
  data: Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 7 * i),
});

function matMulInteger(zeroShapes: [number[], number[]]): Uint8Array {
  const initializers = [
    initializer("b", tensor("int8", [20, 12])),
    initializer("za", tensor("uint8", zeroShapes[0])),
    initializer("zb", tensor("int8", zeroShapes[1])),
  ];
  const nodes = [node("MatMulInteger", ["a", "b", "za", "zb"], ["y"])];
  const [inputs, outputs] = [[valueInfo("a", "uint8", [8, 20])], [valueInfo("y", "int32", [8, 12])]];
  return encodeModel(model({ name: "product", nodes, initializers, inputs, outputs }));
}

test("E09 integer convolutions and matrix products are computed as matrix products, whatever belongs to rows and columns", () => {
  assert.deepEqual(pathsOf(buildQLinearCnn()), ["product", "product", "product"]);
  assert.deepEqual(pathsOf(matMulInteger([[], []])), ["product"]);
  assert.deepEqual(pathsOf(matMulInteger([[8], [12]])), ["product"]);
});

/** Words as they are in 8-bit tensors, next to what 16 bits hold, and any. */
const drawWord = (random: Seeded, width: number): number =>
  (width === 0
    ? random.int(-128, 255)
    : width === 1
      ? random.pick([-32769, -32768, -32767, 32766, 32767, 32768, 65535, 65536, 0])
      : random.oneIn(3)
        ? random.pick(intCorners)
        : random.word()) >>> 0;

type Zero = "none" | "all" | "own" | "other" | "each";
const zeros: readonly Zero[] = ["none", "all", "own", "other", "each"];

/** A product of random words; its sides in weights or trace, with bounds or without, each with some kind of zero point. */
function drawProduct(random: Seeded) {
  const [groups, rows, columns, k] = [random.int(1, 2), random.int(1, 11), random.int(1, 11), random.int(1, 13)];
  const length = 512;
  const isTrace = random.oneIn(2);
  const side = (isA: boolean): Access => {
    const pitch = k + random.int(0, 2);
    const count = isA ? rows : columns;
    // A window that begins before the row and ends behind it, as a padded convolution's does.
    const shift = random.oneIn(2) ? random.int(1, 2) : 0;
    const strides = [count * pitch, isA ? pitch : 0, isA ? 0 : pitch, 1];
    const bounds = shift === 0 ? [] : [{ start: -shift, limit: Math.max(1, k - shift - 1), terms: [{ axis: 3, factor: 1 }] }];
    return { space: isA && isTrace ? "trace" : "weights", offset: random.int(4, 20) - shift, strides, bounds };
  };
  const zero = (kind: Zero, isA: boolean) => {
    const [own, other] = isA ? [1, 2] : [2, 1];
    const strides = [0, 0, 0];
    if (kind !== "all") strides[0] = random.int(0, 1);
    if (kind === "own" || kind === "each") strides[own] = 1;
    if (kind === "other" || kind === "each") strides[other] = 3;
    const space = random.pick(["weights", "trace"] as const);
    return { pad: 0, accesses: [{ space, offset: random.int(0, 40), strides, bounds: [], indices: [] }] };
  };
  const [kindA, kindB] = [random.pick(zeros), random.pick(zeros)];
  const operands = [zero(kindA, true), zero(kindB, false), zero("each", true)];
  const contract: ContractInstruction = {
    kind: "contract",
    type: "i32",
    outLeaf: length / 64,
    dims: [groups, rows, columns],
    reduce: [k],
    a: side(true),
    b: side(false),
    bias: random.oneIn(2) ? 2 : null,
    zeroA: kindA === "none" ? null : 0,
    zeroB: kindB === "none" ? null : 1,
    operands,
    constants: [],
    ops: [],
  };
  const program: Program = {
    inputs: [{ dtype: "int32", shape: [length] }],
    outputs: [],
    weightLeaves: length / 64,
    instructions: [{ kind: "input", outLeaf: 0, dims: [length], tensor: 0 }, contract],
  };
  const [widthA, widthB] = [random.int(0, 2), random.int(0, 2)];
  const weights = Uint32Array.from({ length }, () => drawWord(random, widthB));
  const words = Uint32Array.from({ length }, () => drawWord(random, widthA));
  return { program, weights, inputs: [{ dtype: "int32" as const, shape: [length], data: new Uint8Array(words.buffer) }] };
}

test("E09 integer products are the reference's for words of 8, 16 and 32 bits, zero points of every kind, and absent terms", () => {
  const paths = new Set<string>();
  for (let seed = 0; seed < 600; seed++) {
    const drawn = drawProduct(seeded(seed));
    const expected = evaluateByReference(drawn.program, drawn.weights, drawn.inputs);
    const { trace } = evaluateHere(drawn.program, drawn.weights, drawn.inputs);
    assert.equal(firstDifference(drawn.program, expected.trace, wordsOf(trace)), null, `drawProduct(seeded(${seed}))`);
    for (const streamed of [false, true]) {
      paths.add(prepareProgram(drawn.program, drawn.weights, { workers: 1, streamed }).tasks[1]!.kind);
    }
  }
  assert.deepEqual([...paths].sort(), ["product", "rows"]);
});
