/** Damaged models: bytes and fields of good ones changed by a seeded hand. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type GraphProto, type ModelProto } from "onnx-buf";
import { buildQdqCnn, buildQLinearCnn } from "../../../examples/quantised/cnn.ts";
import { buildDynamicMlp } from "../../../examples/quantised/mlp.ts";
import { buildTiny } from "../../../examples/tiny/model.ts";
import { inspectModel } from "../../../oracle/canonical/lowering/inspect.ts";
import { OnnxError } from "../../../oracle/canonical/onnx/errors.ts";
import { model, node, tensor, value } from "./build.ts";
import { seeded, type Seeded } from "./seeded.ts";

const floats = (count: number) => Array.from({ length: count }, (_, i) => Math.sin(i));

function movement(): Uint8Array {
  return model({
    node: [
      node("Pad", ["x", "pads"], ["a"], { mode: "reflect" }),
      node("Transpose", ["a"], ["b"], { perm: [0n, 2n, 1n] }),
      node("Reshape", ["b", "shape"], ["c"]),
      node("Slice", ["c", "starts", "ends", "axes", "steps"], ["d"]),
      node("Concat", ["d", "d"], ["e"], { axis: 1n }),
      node("Tile", ["e", "repeats"], ["f"]),
      node("Resize", ["f", "", "", "sizes"], ["g"], { mode: "linear" }),
      node("Gather", ["g", "picked"], ["h"], { axis: 1n }),
      node("Split", ["h"], ["i", "j"], { axis: 0n }),
      node("OneHot", ["picked", "depth", "values"], ["k"]),
      node("Range", ["zero", "depth", "one"], ["l"]),
      node("Expand", ["l", "expanded"], ["m"]),
    ],
    initializer: [
      tensor("pads", "int64", [6], [0, 1, 1, 0, 1, 1]),
      tensor("shape", "int64", [2], [6, -1]),
      tensor("starts", "int64", [1], [0]),
      tensor("ends", "int64", [1], [9]),
      tensor("axes", "int64", [1], [1]),
      tensor("steps", "int64", [1], [2]),
      tensor("repeats", "int64", [2], [1, 2]),
      tensor("sizes", "int64", [2], [4, 5]),
      tensor("picked", "int64", [2], [0, 3]),
      tensor("depth", "int64", [], [6]),
      tensor("zero", "int64", [], [0]),
      tensor("one", "int64", [], [1]),
      tensor("expanded", "int64", [2], [3, 6]),
      tensor("values", "float32", [2], [0, 1]),
    ],
    input: [value("x", "float32", [1, 4, 4])],
    output: ["i", "j", "k", "m"].map((name) => value(name, name === "m" ? "int64" : "float32", [])),
  });
}

function layers(): Uint8Array {
  return model({
    node: [
      node("Conv", ["x", "w"], ["a"], { pads: [1n, 1n, 1n, 1n], strides: [2n, 2n], dilations: [1n, 1n], group: 1n }),
      node("MaxPool", ["a"], ["b"], { kernel_shape: [2n, 2n], strides: [1n, 1n] }),
      node("ConvTranspose", ["b", "v"], ["c"], { strides: [2n, 2n] }),
      node("InstanceNormalization", ["c", "s", "s"], ["d"], { epsilon: 1e-5 }),
      node("LRN", ["d"], ["e"], { size: 3n, beta: 0.5 }),
      node("AveragePool", ["e"], ["f"], { kernel_shape: [3n, 3n], auto_pad: "SAME_UPPER" }),
      node("Flatten", ["f"], ["g"], { axis: 2n }),
      node("ReduceSum", ["g"], ["h"], { keepdims: 0n }),
      node("ArgMax", ["g"], ["i"], { axis: 1n }),
      node("Softmax", ["g"], ["j"], { axis: 1n }),
    ],
    initializer: [
      tensor("w", "float32", [2, 2, 3, 3], floats(36)),
      tensor("v", "float32", [2, 2, 2, 2], floats(16)),
      tensor("s", "float32", [2], [1, 2]),
    ],
    input: [value("x", "float32", [1, 2, 7, 7])],
    output: [value("h", "float32", []), value("i", "int64", []), value("j", "float32", [])],
  });
}

function loops(): Uint8Array {
  const body = {
    name: "body",
    input: [value("round", "int64", []), value("goes", "bool", []), value("in", "float32", [2])],
    node: [node("Add", ["in", "x"], ["out"]), node("Identity", ["goes"], ["on"])],
    output: [value("on", "bool", []), value("out", "float32", [2]), value("out", "float32", [2])],
  };
  const then = {
    name: "then",
    node: [node("LSTM", ["s", "W", "R"], ["", "t"], { hidden_size: 2n })],
    output: [value("t", "float32", [1, 1, 2])],
  };
  const other = { name: "else", node: [node("Identity", ["s"], ["u"])], output: [value("u", "float32", [])] };
  return model({
    node: [
      node("Loop", ["times", "", "x"], ["y", "all"], { body: { graph: body } }),
      node("Unsqueeze", ["all", "axis"], ["s"]),
      node("If", ["yes"], ["z"], { then_branch: { graph: then }, else_branch: { graph: other } }),
    ],
    initializer: [
      tensor("times", "int64", [], [3]),
      tensor("axis", "int64", [1], [1]),
      tensor("yes", "bool", [], [1]),
      tensor("W", "float32", [1, 8, 2], floats(16)),
      tensor("R", "float32", [1, 8, 2], floats(16)),
    ],
    input: [value("x", "float32", [2])],
    output: [value("y", "float32", [2]), value("z", "float32", [])],
  });
}

const originals = [movement(), layers(), loops(), buildQLinearCnn(), buildQdqCnn(), buildDynamicMlp(), buildTiny()].map(
  (bytes) => new Uint8Array(bytes),
);

const hostile = [0n, 1n, -1n, 2n, 3n, 7n, 255n, 65536n, 100000n, 2n ** 28n, 2n ** 31n - 1n, 2n ** 31n, 10n ** 11n, 2n ** 62n, -(2n ** 63n)];

/** Changes bytes: flipped, cut, removed, repeated, or taken from another model. */
function mutateBytes(bytes: Uint8Array, random: Seeded): Uint8Array {
  const at = random.int(0, bytes.length - 1);
  const length = random.int(1, Math.min(64, bytes.length - at));
  const part = bytes.subarray(at, at + length);
  switch (random.int(0, 5)) {
    case 0: {
      const changed = bytes.slice();
      changed[at]! ^= 1 << random.int(0, 7);
      return changed;
    }
    case 1: {
      const changed = bytes.slice();
      for (let i = 0; i < length; i++) changed[at + i] = random.int(0, 255);
      return changed;
    }
    case 2:
      return bytes.slice(0, at);
    case 3:
      return new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + length)]);
    case 4:
      return new Uint8Array([...bytes.subarray(0, at), ...part, ...bytes.subarray(at)]);
    default: {
      const other = random.pick(originals);
      const from = random.int(0, other.length - 1);
      return new Uint8Array([...bytes.subarray(0, at), ...other.subarray(from, from + length), ...bytes.subarray(at + length)]);
    }
  }
}

function mutateGraph(graph: GraphProto, random: Seeded): void {
  const chosen = graph.node.length > 0 ? random.pick(graph.node) : undefined;
  const names = [
    ...graph.initializer.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
    ...graph.input.map(({ name }) => name),
  ];
  const attribute = chosen === undefined || chosen.attribute.length === 0 ? undefined : random.pick(chosen.attribute);
  switch (random.int(0, 6)) {
    case 0:
      if (attribute?.g !== undefined) mutateGraph(attribute.g, random);
      else if (attribute !== undefined && attribute.ints.length > 0)
        attribute.ints[random.int(0, attribute.ints.length - 1)] = random.pick(hostile);
      else if (attribute !== undefined) [attribute.i, attribute.f] = [random.pick(hostile), random.pick([0, -1, NaN, Infinity, 1e30])];
      return;
    case 1:
      if (chosen !== undefined && chosen.input.length > 0)
        chosen.input[random.int(0, chosen.input.length - 1)] = random.pick([...names, ""]);
      return;
    case 2: {
      if (graph.initializer.length === 0) return;
      const weights = random.pick(graph.initializer);
      if (weights.int64Data.length > 0) weights.int64Data[random.int(0, weights.int64Data.length - 1)] = random.pick(hostile);
      else if (weights.dims.length > 0) weights.dims[random.int(0, weights.dims.length - 1)] = random.pick(hostile);
      return;
    }
    case 3: {
      const input = graph.input.length > 0 ? random.pick(graph.input) : undefined;
      const dims = input?.type?.value.case === "tensorType" ? input.type.value.value.shape?.dim : undefined;
      if (dims !== undefined && dims.length > 0)
        dims[random.int(0, dims.length - 1)]!.value = { case: "dimValue", value: random.pick(hostile) };
      return;
    }
    case 4:
      if (chosen !== undefined)
        chosen.opType = random.pick([
          "Add",
          "Conv",
          "Loop",
          "If",
          "Reshape",
          "LSTM",
          "Einsum",
          "Pad",
          "Split",
          "ConstantOfShape",
          "Expand",
        ]);
      return;
    case 5:
      if (graph.node.length > 1)
        graph.node.splice(random.int(0, graph.node.length - 1), 0, graph.node.splice(random.int(0, graph.node.length - 1), 1)[0]!);
      return;
    default:
      if (attribute !== undefined && chosen !== undefined)
        chosen.attribute = random.int(0, 1) === 0 ? [] : [...chosen.attribute, attribute];
  }
}

/** Changes fields: sizes, attributes, names, order. */
function mutateFields(bytes: Uint8Array, random: Seeded): Uint8Array {
  const proto: ModelProto = fromBinary(ModelProtoSchema, bytes);
  for (let changes = random.int(1, 3); changes > 0; changes--) mutateGraph(proto.graph!, random);
  return toBinary(ModelProtoSchema, proto);
}

export interface Mutations {
  tried: number;
  /** Refused as files. */
  unreadable: number;
  /** Read, but with nodes that are refused. */
  refused: number;
  /** Still adjudicable. */
  adjudicable: number;
  /** The most processor time that one took, in milliseconds: that doesn't grow with what else runs on the machine. */
  slowest: number;
}

/** @throws whatever a reading or lowering throws that is no OnnxError, with the mutation's number. */
export function tryMutations(count: number, seed: number): Mutations {
  const result: Mutations = { tried: 0, unreadable: 0, refused: 0, adjudicable: 0, slowest: 0 };
  for (let number = 0; number < count; number++) {
    const random = seeded(seed * 1_000_003 + number);
    const original = random.pick(originals);
    const bytes = random.int(0, 1) === 0 ? mutateBytes(original, random) : mutateFields(original, random);
    const started = process.cpuUsage();
    try {
      if (inspectModel(bytes).adjudicable) result.adjudicable++;
      else result.refused++;
    } catch (error) {
      if (!(error instanceof OnnxError))
        throw new Error(`mutation ${number} of seed ${seed}: ${(error as Error).message}`, { cause: error });
      result.unreadable++;
    }
    const { user, system } = process.cpuUsage(started);
    result.slowest = Math.max(result.slowest, (user + system) / 1000);
    result.tried++;
  }
  return result;
}
