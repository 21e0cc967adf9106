/** Cast, CastLike. */
import { round } from "../../reference/binary32.ts";
import { elementName, type ElementName, type Numbers } from "../../onnx/elements.ts";
import type { TensorBuilder } from "../builder.ts";
import { floatOfWord, isConstant, numbersOf } from "../constants.ts";
import { one, wordTypeOf, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { Refusal } from "../refusal.ts";
import type { Tensor } from "../tensors.ts";
import { intervalOf } from "../intervals.ts";
import { rangeOf, truth, wrap } from "./integers.ts";

/** The binary32 nearest to an integer of any size. */
const nearest = (value: bigint): number => floatOfWord(value < 0n ? round(-value, 1n, 0) ^ 0x80000000 : round(value, 1n, 0));

function toInteger(value: number | bigint): bigint {
  if (typeof value === "bigint") return value;
  if (Number.isNaN(value)) return 0n;
  if (!Number.isFinite(value)) return value > 0 ? 2n ** 63n - 1n : -(2n ** 63n);
  return BigInt(Math.trunc(value));
}

/** Constants of 64-bit types on one side. */
function castNumbers(builder: TensorBuilder, tensor: Tensor, to: ElementName): Tensor {
  const numbers: Numbers = numbersOf(tensor);
  const { shape } = tensor;
  if (to === "float32") {
    const values = Float32Array.from(numbers as ArrayLike<number | bigint>, (value) =>
      typeof value === "bigint" ? nearest(value) : value,
    );
    return builder.constant("f32", shape, values);
  }
  if (to === "float64") return builder.constant("f64", shape, Float64Array.from(numbers as ArrayLike<number | bigint>, Number));
  if (to === "bool")
    return builder.constant(
      "i32",
      shape,
      Int32Array.from(numbers as ArrayLike<number | bigint>, (value) => (Number(value) === 0 ? 0 : 1)),
    );
  const integers = Array.from(numbers as ArrayLike<number | bigint>, toInteger);
  if (wordTypeOf(to) === "i64") return builder.constant("i64", shape, BigInt64Array.from(integers));
  const wrapped = builder.constant(
    "i32",
    shape,
    Int32Array.from(integers, (value) => Number(BigInt.asIntN(32, value))),
  );
  return wrap(builder, to, wrapped);
}

/** @throws Refusal for types that no program holds. */
export function cast(builder: TensorBuilder, { element: from, tensor }: Value, to: ElementName): Tensor {
  if (from === to) return tensor;
  const target = wordTypeOf(to);
  if (target === undefined) throw new Refusal(`casts to ${to} are not covered`);
  const wide = tensor.type === "i64" || tensor.type === "f64" || (isConstant(tensor) && (target === "i64" || target === "f64"));
  if (wide) return castNumbers(builder, tensor, to);
  if (to === "bool") return truth(builder, from, tensor);
  if (to === "float32") return builder.apply("toFloat", tensor);
  const integer = from === "float32" ? builder.apply("toInt", tensor) : tensor;
  if (to === "int64") return integer;
  if (target !== "i32") throw new Refusal(`data of the model can't be cast to ${to}`);
  return wrap(builder, to, integer);
}

function target(operation: Operation): ElementName {
  const code = operation.attributes.int("to", undefined);
  operation.attributes.int("saturate", 1);
  operation.attributes.string("round_mode", "up");
  if (code === undefined) return operation.refuse("attribute 'to' is missing");
  return elementName(code) ?? operation.refuse(`casts to element type ${code} are not covered`);
}

/** Beyond the type's range machines differ, and ONNX Runtime with them. */
function warnOfOverflow(operation: Operation, to: ElementName): void {
  const { element: from, tensor } = operation.input(0);
  if (from !== "float32" || to === "bool" || wordTypeOf(to) === "f32" || isConstant(tensor)) return;
  const [least, most] = to === "int32" || to === "int64" ? [-(2 ** 31), 2 ** 31 - 1] : rangeOf(to);
  const { low, high, nan } = intervalOf(tensor);
  if (nan || low <= least - 1 || high >= most + 1)
    operation.warn(`some inputs bring NaN or numbers beyond ${least} to ${most} here, of which ONNX Runtime makes other integers`);
}

export const casts: LoweringTable = {
  Cast: (operation) => {
    const to = target(operation);
    warnOfOverflow(operation, to);
    return one(to, cast(operation.builder, operation.input(0), to));
  },
  CastLike: (operation) => {
    operation.attributes.int("saturate", 1);
    const { element } = operation.input(1);
    warnOfOverflow(operation, element);
    return one(element, cast(operation.builder, operation.input(0), element));
  },
};
