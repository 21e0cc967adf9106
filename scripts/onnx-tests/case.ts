/** One of ONNX's operator tests: a model, its inputs, and the outputs that are expected. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { TensorProtoSchema } from "onnx-buf";
import { dtypes, type Dtype, type Tensor } from "../../oracle/core/tensor.ts";
import { wordOfFloat } from "../../oracle/canonical/lowering/constants.ts";
import { lower, translate, type Lowered, type LoweringOptions } from "../../oracle/canonical/lowering/lower.ts";
import { OnnxError } from "../../oracle/canonical/onnx/errors.ts";
import type { Numbers } from "../../oracle/canonical/onnx/elements.ts";
import { readModel } from "../../oracle/canonical/onnx/read.ts";
import { readTensor, type ConstantTensor } from "../../oracle/canonical/onnx/tensor.ts";
import { evaluateByReference } from "../../oracle/canonical/reference/evaluate.ts";
import { Ideal } from "./ideal.ts";

/**
 * strict: equal, or within 1 ulp of the expected value. nearer: elsewhere our element is within 1 ulp of the exact value, or nearer to it than
 * the expected one. no less exact: other elements are apart by no more than steps of 1 ulp each explain, and the largest error of ours in the
 * tensor is at most that of the expected values. stepwise: likewise, but the largest error of ours is larger.
 */
export type Criterion = "strict" | "nearer" | "no less exact" | "stepwise";

export interface CaseResult {
  name: string;
  verdict: "passed" | "refused" | "failed";
  /** Of a case that passed: its least strict criterion. */
  criterion?: Criterion;
  /** How it passed, or why it did not. */
  detail: string;
}

/** A case that can't be put to the canonical evaluation. */
class Refused extends Error {
  override name = "Refused";
}

const readValue = (file: string): ConstantTensor & { name: string } => {
  const proto = fromBinary(TensorProtoSchema, readFileSync(file));
  return { ...readTensor(file, proto), name: proto.name };
};

const byNumber = (files: string[]) => files.sort((a, b) => Number(/(\d+)\.pb$/.exec(a)![1]) - Number(/(\d+)\.pb$/.exec(b)![1]));

const isDtype = (name: string): name is Dtype => Object.hasOwn(dtypes, name);

function bytesOf(element: Dtype, numbers: Numbers): Uint8Array {
  const { size } = dtypes[element];
  const data = new Uint8Array(numbers.length * size);
  const view = new DataView(data.buffer);
  numbers.forEach((value: number | bigint, i: number) => {
    if (element === "float32") view.setUint32(4 * i, wordOfFloat(value as number), true);
    else if (element === "int64") view.setBigInt64(8 * i, value as bigint, true);
    else if (size === 4) view.setInt32(4 * i, value as number, true);
    else view.setUint8(i, value as number);
  });
  return data;
}

function tensorOf(name: string, { element, shape, numbers }: ConstantTensor): Tensor {
  if (!isDtype(element)) throw new Refused(`input '${name}' is ${element}; inputs may be ${Object.keys(dtypes).join(", ")}`);
  return { dtype: element, shape, data: bytesOf(element, numbers) };
}

/** Binary32 as integers that count the representable numbers. */
const ordinal = (word: number) => (word & 0x80000000 ? -(word & 0x7fffffff) : word);

/** How many binary32 apart; 0 for equal values, zeros of either sign and NaNs. */
function ulps(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : Infinity;
  return Math.abs(ordinal(wordOfFloat(a)) - ordinal(wordOfFloat(b)));
}

/** Distance to an ideal value in units of the last place of that value. */
function distance(value: number, ideal: number): number {
  if (Number.isNaN(ideal) || !Number.isFinite(value) || !Number.isFinite(Math.fround(ideal))) return ulps(value, ideal);
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(ideal) || 2 ** -126)));
  return Math.abs(value - ideal) / 2 ** (exponent - 23);
}

const numbersOfTensor = ({ dtype, data }: Tensor): number[] => {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const { size } = dtypes[dtype];
  return Array.from({ length: data.length / size }, (_, i) => {
    switch (dtype) {
      case "float32":
        return view.getFloat32(4 * i, true);
      case "int32":
        return view.getInt32(4 * i, true);
      case "int64":
        return Number(view.getBigInt64(8 * i, true));
      case "int8":
        return view.getInt8(i);
      case "uint8":
      case "bool":
        return view.getUint8(i);
    }
  });
};

interface Comparison {
  /** Largest distance between ours and the expected value, in binary32 steps. */
  worst: number;
  /** Elements more than 1 ulp from the expected value, whose own distance to the ideal is at most 1 ulp or the smaller one. */
  nearer: number;
  /** Other elements that are apart by no more than steps of 1 ulp each explain. */
  stepwise: number;
  /** Largest distance of any of our values to the exact one, and of any expected value, in units of the last place. */
  errors: [ours: number, expected: number];
  /** The first element that is neither. */
  wrong: string | null;
}

function compare(ours: Tensor, expected: ConstantTensor, ideal: () => { values: Float64Array; bounds: Float64Array }): Comparison {
  const values = numbersOfTensor(ours);
  const result: Comparison = { worst: 0, nearer: 0, stepwise: 0, errors: [0, 0], wrong: null };
  for (const [i, value] of values.entries()) {
    const wanted = Number(expected.numbers[i]!);
    const apart = ours.dtype === "float32" ? ulps(value, wanted) : value === wanted ? 0 : Infinity;
    result.worst = Math.max(result.worst, apart);
    if (apart <= 1) continue;
    if (ours.dtype === "float32") {
      const { values: exact, bounds } = ideal();
      const [own, other] = [distance(value, exact[i]!), distance(wanted, exact[i]!)];
      if (own <= Math.max(1, other)) result.nearer++;
      else if (Math.abs(value - wanted) <= bounds[i]!) result.stepwise++;
      else
        result.wrong ??= `element ${i} is ${value}, expected ${wanted} (${apart} ulp apart; ${own.toFixed(1)} and ${other.toFixed(1)} from the exact ${exact[i]})`;
    } else result.wrong ??= `element ${i} is ${value}, expected ${wanted}`;
  }
  if (result.stepwise > 0) {
    const { values: exact } = ideal();
    result.errors = [
      Math.max(...values.map((value, i) => distance(value, exact[i]!))),
      Math.max(...values.map((_, i) => distance(Number(expected.numbers[i]!), exact[i]!))),
    ];
  }
  return result;
}

interface Given {
  name: string;
  value: ConstantTensor;
}

/** What a lowering may be told: nothing but shapes, or that inputs which shapes depend on are fixed. */
function attempts(given: readonly Given[]): { options: LoweringOptions; fixed: string[] }[] {
  const shapes = Object.fromEntries(given.map(({ name, value }) => [name, value.shape]));
  const choices = [() => false, ({ value }: Given) => value.element === "int64", (_: Given, i: number) => i > 0, () => true];
  const seen = new Set<string>();
  return choices.flatMap((chosen) => {
    const fixed = given.filter((input, i) => chosen(input, i) && isDtype(input.value.element));
    const names = fixed.map(({ name }) => name);
    if (seen.has(names.join())) return [];
    seen.add(names.join());
    const tensors = Object.fromEntries(fixed.map(({ name, value }) => [name, tensorOf(name, value)]));
    return [{ options: { shapes, fixed: tensors }, fixed: names }];
  });
}

/** @throws Refused with the reasons of the first attempt. */
function lowerSomehow(bytes: Uint8Array, given: readonly Given[]): { lowered: Lowered; options: LoweringOptions; fixed: string[] } {
  let reasons = "";
  for (const { options, fixed } of attempts(given)) {
    const lowering = lower(bytes, options);
    if (lowering.adjudicable) return { lowered: lowering.lowered, options, fixed };
    reasons ||= lowering.refused.map(({ operator, reason }) => `${operator}: ${reason}`).join("; ");
  }
  throw new Refused(reasons);
}

function runSet(
  bytes: Uint8Array,
  given: readonly Given[],
  expected: readonly ConstantTensor[],
): Required<Pick<CaseResult, "detail" | "criterion">> {
  const { lowered, options, fixed } = lowerSomehow(bytes, given);
  const inputs = lowered.inputs.map(({ name }) => tensorOf(name, given.find((input) => input.name === name)!.value));
  const { outputs } = evaluateByReference(lowered.program, lowered.weights, inputs);
  const translated = translate(bytes, options);
  if ("refused" in translated) throw new Error("a model that was lowered is refused");
  let ideal: Ideal | undefined;
  const judge = () =>
    (ideal ??= new Ideal(
      translated.outputs.map(({ tensor }) => tensor),
      inputs.map((input) => Float64Array.from(numbersOfTensor(input))),
    ));
  let [worst, nearer, stepwise] = [0, 0, 0];
  let errors: Comparison["errors"] = [0, 0];
  for (const [i, output] of outputs.entries()) {
    const wanted = expected[i]!;
    if (output.dtype !== wanted.element || output.shape.join() !== wanted.shape.join())
      throw new Error(`output ${i} is ${output.dtype}[${output.shape.join(", ")}], expected ${wanted.element}[${wanted.shape.join(", ")}]`);
    const comparison = compare(output, wanted, () => judge().of(translated.outputs[i]!.tensor));
    if (comparison.wrong !== null) throw new Error(`output ${i}: ${comparison.wrong}`);
    worst = Math.max(worst, comparison.worst);
    nearer += comparison.nearer;
    stepwise += comparison.stepwise;
    errors = [Math.max(errors[0], comparison.errors[0]), Math.max(errors[1], comparison.errors[1])];
  }
  const explained = [
    ...(nearer > 0 ? [`${nearer} elements nearer to the exact value`] : []),
    ...(stepwise > 0
      ? [`${stepwise} elements within steps of 1 ulp (largest error ${errors.map((x) => x.toFixed(1)).join(", expected value's ")})`]
      : []),
  ];
  const how = worst === 0 ? "equal" : explained.length === 0 ? "within 1 ulp" : `up to ${worst} ulp apart: ${explained.join(", ")}`;
  const criterion = stepwise > 0 ? (errors[0] <= errors[1] ? "no less exact" : "stepwise") : nearer > 0 ? "nearer" : "strict";
  return { criterion, detail: fixed.length === 0 ? how : `${how}; fixed: ${fixed.join(", ")}` };
}

export function runCase(name: string, folder: string): CaseResult {
  try {
    const bytes = readFileSync(join(folder, "model.onnx"));
    const model = readModel(bytes);
    let result: Pick<CaseResult, "detail" | "criterion"> = { detail: "" };
    for (const set of globSync(join(folder, "test_data_set_*")).sort()) {
      const values = byNumber(globSync(join(set, "input_*.pb"))).map(readValue);
      const given = values.map((value, i) => ({ name: model.graph.inputs[i]?.name ?? value.name, value }));
      const expected = byNumber(globSync(join(set, "output_*.pb"))).map(readValue);
      result = runSet(bytes, given, expected);
    }
    return { name, verdict: "passed", ...result };
  } catch (error) {
    const reason = (error as Error).message;
    return { name, verdict: error instanceof Refused || error instanceof OnnxError ? "refused" : "failed", detail: reason };
  }
}
