import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { absent, nodeHash, leafHash } from "../../../../oracle/core/traceTree.ts";
import { createEvaluator, evaluateHere, InputError, ProgramError } from "../../../../oracle/canonical/evaluate.ts";
import { outputWords } from "../../../../oracle/canonical/program/layout.ts";
import { traceRoot } from "../../../../oracle/canonical/program/root.ts";
import type { Program } from "../../../../oracle/canonical/program/types.ts";
import { evaluateByReference } from "../../../../oracle/canonical/reference/evaluate.ts";
import type { Trace } from "../../../../oracle/canonical/trace/trace.ts";
import { randomProgram } from "../randomProgram.ts";
import { randomInputs, randomWeights } from "../randomWords.ts";
import { seeded } from "../seeded.ts";

function example(seed: number, options = { instructions: 6 }) {
  const random = seeded(seed);
  const program = randomProgram(random, options);
  return { program, weights: randomWeights(random, program), inputs: randomInputs(random, program) };
}

test("engine and reference give the same trace, root and outputs on random programs of every kind", () => {
  for (let seed = 0; seed < 100; seed++) {
    const { program, weights, inputs } = example(seed);
    const expected = evaluateByReference(program, weights, inputs);
    const got = evaluateHere(program, weights, inputs);
    assert.deepEqual(new Uint32Array(got.trace.buffer), expected.trace, `seed ${seed}`);
    assert.deepEqual(got.traceRoot, expected.traceRoot);
    assert.deepEqual(got.outputs, expected.outputs);
  }
});

/** Some thousand leaves: convolutions, products, lanes and reductions wide enough for the fast paths. */
function wide(): { program: Program; weights: Uint32Array; inputs: ReturnType<typeof randomInputs> } {
  const random = seeded(7);
  const [height, width, channels, filters] = [24, 20, 16, 22];
  const inputs = [{ dtype: "float32" as const, shape: [height, width, channels] }];
  const pixels = height * width;
  const leaf = (words: number) => Math.ceil(words / 64);
  const convLeaf = leaf(pixels * channels);
  const depthLeaf = convLeaf + leaf(pixels * filters);
  const poolLeaf = depthLeaf + leaf(pixels * filters);
  const padded = (axis: number, limit: number) => ({ start: -1, limit, terms: [axis, axis + 3].map((at) => ({ axis: at, factor: 1 })) });
  const program: Program = {
    inputs,
    outputs: [{ dtype: "float32", shape: [filters], offset: 64 * poolLeaf }],
    weightLeaves: leaf(filters * 9 * channels) + leaf(9 * filters) + 1,
    instructions: [
      { kind: "input", outLeaf: 0, dims: [pixels * channels], tensor: 0 },
      {
        ...{ kind: "contract", outLeaf: convLeaf, dims: [height, width, filters], type: "f32", reduce: [3, 3, channels] },
        ...{ bias: 0, zeroA: null, zeroB: null },
        a: {
          space: "trace",
          offset: -(width + 1) * channels,
          strides: [width * channels, channels, 0, width * channels, channels, 1],
          bounds: [padded(0, height), padded(1, width)],
        },
        b: { space: "weights", offset: 0, strides: [0, 0, 9 * channels, 3 * channels, channels, 1], bounds: [] },
        operands: [{ pad: 0, accesses: [{ space: "weights", offset: 5, strides: [0, 0, 1], bounds: [], indices: [] }] }],
        constants: [0],
        ops: [{ op: "fmax", args: [1, 2] }],
      },
      {
        ...{ kind: "contract", outLeaf: depthLeaf, dims: [height, width, filters], type: "f32", reduce: [3, 3] },
        ...{ bias: null, zeroA: null, zeroB: null, operands: [], constants: [] },
        a: {
          space: "trace",
          offset: 64 * convLeaf - (width + 1) * filters,
          strides: [width * filters, filters, 1, width * filters, filters],
          bounds: [padded(0, height), padded(1, width)],
        },
        b: { space: "weights", offset: 64 * leaf(filters * 9 * channels), strides: [0, 0, 9, 3, 1], bounds: [] },
        ops: [{ op: "ftanh", args: [0] }],
      },
      {
        ...{ kind: "reduce", outLeaf: poolLeaf, dims: [filters], type: "f32", reducer: "sum", divisor: pixels, reduce: [pixels] },
        ...{ operands: [], constants: [], ops: [] },
        x: { space: "trace", offset: 64 * depthLeaf, strides: [1, filters], bounds: [] },
      },
    ],
  };
  const mild = () => random.int(0, 1) * 0x80000000 + random.int(118, 128) * 0x800000 + random.int(0, 0x7fffff);
  const weights = Uint32Array.from({ length: 64 * program.weightLeaves }, mild);
  // Filter 0 cancels: with channels 0 and 1 equal its sums are exactly zero, which no error bound can tell.
  for (let k = 0; k < 9 * channels; k++) weights[k] = [0x3f800000, 0xbf800000][k % channels] ?? 0;
  const words = Uint32Array.from({ length: pixels * channels }, mild);
  for (let i = 0; i < words.length; i += channels) words[i + 1] = words[i]!;
  const data = new Uint8Array(words.buffer);
  return { program, weights, inputs: [{ ...inputs[0]!, data }] };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("bits don't depend on workers, on streaming, or on what was evaluated before", async () => {
  const { program, weights, inputs } = wide();
  const expected = evaluateHere(program, weights, inputs);
  assert.ok(expected.exactElements > 0, "the example meets the exact fallback");
  const zeros = inputs.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data.length) }));
  for (const options of [{ workers: 1 }, { workers: 2 }, { workers: 4 }, { workers: 2, streamed: true }]) {
    const evaluator = createEvaluator(program, weights, options);
    try {
      for (const given of [inputs, zeros, inputs]) {
        const { traceRoot: root, outputs, exactElements } = await evaluator.evaluate(given);
        if (given === zeros) continue;
        assert.equal(hex(root), hex(expected.traceRoot), JSON.stringify(options));
        assert.deepEqual(outputs, expected.outputs);
        assert.equal(exactElements, expected.exactElements);
      }
    } finally {
      await evaluator.close();
    }
  }
});

function checkOpenings(trace: Trace, bytes: Uint8Array, root: Uint8Array): void {
  assert.equal(hex(traceRoot(trace.leaves, trace.node(trace.depth, 0))), hex(root));
  for (const index of [0, 1, 63, 64, 65, Math.floor(trace.leaves / 2), trace.leaves - 1].filter((leaf) => leaf < trace.leaves)) {
    const { leaf, path } = trace.open(index);
    assert.equal(hex(leaf), hex(bytes.subarray(256 * index, 256 * index + 256)));
    const top = path.reduce(
      (hash, sibling, height) => ((index >> height) & 1 ? nodeHash(sibling, hash) : nodeHash(hash, sibling)),
      leafHash(leaf),
    );
    assert.equal(hex(top), hex(trace.node(trace.depth, 0)), `leaf ${index}`);
  }
  for (let height = 6; height <= trace.depth; height++) {
    let level = trace.descendants(height, 0);
    while (level.length > 1) {
      // A subtree without leaves is absent at every height.
      const above = level.slice(0, level.length / 2).map((_, i) => [level[2 * i]!, level[2 * i + 1]!] as const);
      level = above.map(([left, right]) => (hex(left) === hex(absent) ? absent : nodeHash(left, right)));
    }
    assert.equal(hex(level[0]!), hex(trace.node(height, 0)), `height ${height}`);
  }
}

test("a kept trace opens every leaf and reveals every node, from memory and from a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-trace-"));
  try {
    for (const { program, weights, inputs } of [wide(), example(3), example(11, { instructions: 1 })]) {
      const expected = evaluateHere(program, weights, inputs);
      for (const keep of ["memory", { file: join(folder, "trace") }] as const) {
        const evaluator = createEvaluator(program, weights, {
          workers: 2,
          streamed: keep !== "memory" && outputWords(program.instructions[0]!) > 1000,
        });
        const { trace } = await evaluator.evaluate(inputs, { keep });
        await evaluator.close();
        checkOpenings(trace!, expected.trace, expected.traceRoot);
        trace!.close();
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a read outside of its space is a ProgramError, in every kind of path", async () => {
  const { program, weights, inputs } = wide();
  const broken = structuredClone(program);
  const conv = broken.instructions[1]!;
  if (conv.kind === "contract") conv.a.bounds[0]!.limit++;
  const evaluator = createEvaluator(broken, weights, { workers: 2 });
  await assert.rejects(evaluator.evaluate(inputs), { name: "ProgramError" });
  await assert.rejects(evaluator.evaluate(inputs), { name: "ProgramError" });
  await evaluator.close();
  const late = structuredClone(program);
  if (late.instructions[3]!.kind === "reduce") late.instructions[3]!.x.offset += 64;
  assert.throws(() => evaluateHere(late, weights, inputs), ProgramError);
});

test("inputs of another shape are an InputError", () => {
  const { program, weights, inputs } = wide();
  assert.throws(() => evaluateHere(program, weights, [{ ...inputs[0]!, shape: [24, 20 * 16] }]), InputError);
});

test("closing ends an evaluation that is under way, and every later one", async () => {
  const { program, weights, inputs } = wide();
  const evaluator = createEvaluator(program, weights, { workers: 2 });
  const underWay = evaluator.evaluate(inputs);
  const ended = assert.rejects(underWay, /closed/);
  // The first evaluation has begun once its promise's chain has turned.
  await Promise.resolve();
  await evaluator.close();
  await ended;
  await assert.rejects(evaluator.evaluate(inputs), /closed/);
});
