/** Integers of the narrow ONNX types, held as i32 words. */
import type { ElementName } from "../../onnx/elements.ts";
import type { TensorBuilder } from "../builder.ts";
import { Refusal } from "../refusal.ts";
import type { Tensor } from "../tensors.ts";

export const integerElements = ["uint8", "int8", "uint16", "int16", "int32", "int64"] as const satisfies ElementName[];
export const isFloat = (element: ElementName) => element === "float32";

const ranges: Partial<Record<ElementName, [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
};

/** @throws Refusal for types without a narrow range. */
export function rangeOf(element: ElementName): [number, number] {
  return ranges[element] ?? refuseType(element);
}

function refuseType(element: ElementName): never {
  throw new Refusal(`${element} is not covered here`);
}

/** Takes the result of integer arithmetic modulo the type's size, as ONNX Runtime does. */
export function wrap(builder: TensorBuilder, element: ElementName, tensor: Tensor): Tensor {
  switch (element) {
    case "int32":
      return tensor;
    case "int64":
      if (tensor.type !== "i64")
        throw new Refusal("int64 arithmetic on data of the model: only constants are computed in 64 bits; cast to int32 first");
      return tensor;
    case "uint8":
    case "uint16":
      return builder.apply("iand", tensor, builder.i32(element === "uint8" ? 0xff : 0xffff));
    case "int8":
    case "int16": {
      const shift = builder.i32(element === "int8" ? 24 : 16);
      return builder.apply("isar", builder.apply("ishl", tensor, shift), shift);
    }
    default:
      return refuseType(element);
  }
}

/** Takes an i32 to the nearest number of a narrow type. */
export function saturate(builder: TensorBuilder, element: ElementName, tensor: Tensor): Tensor {
  const [low, high] = rangeOf(element);
  return builder.apply("imin", builder.apply("imax", tensor, builder.i32(low)), builder.i32(high));
}

/** 1 for 0, 0 for anything else. */
export const not = (builder: TensorBuilder, tensor: Tensor): Tensor => builder.apply("ieq", tensor, builder.i32(0));

/** 1 for anything but zero; NaN is not zero. */
export function truth(builder: TensorBuilder, element: ElementName, tensor: Tensor): Tensor {
  if (element === "bool") return tensor;
  const zero =
    element === "float32" ? builder.apply("feq", tensor, builder.f32(0)) : builder.apply("ieq", tensor, zeroLike(builder, tensor));
  return not(builder, zero);
}

/** A scalar zero of the tensor's own width. */
export const zeroLike = (builder: TensorBuilder, tensor: Tensor): Tensor => (tensor.type === "i64" ? builder.i64([0], []) : builder.i32(0));
