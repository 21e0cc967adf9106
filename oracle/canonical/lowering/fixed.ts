/** Tensors that a person gives, as constants of the graph. */
import type { Tensor as CoreTensor } from "../../core/tensor.ts";
import { elements } from "../onnx/elements.ts";
import { readTensor } from "../onnx/tensor.ts";
import { create } from "@bufbuild/protobuf";
import { TensorProtoSchema } from "onnx-buf";
import type { TensorBuilder } from "./builder.ts";
import { constantValue, type Value } from "./operation.ts";

export function constantFromTensor(builder: TensorBuilder, { dtype, shape, data }: CoreTensor): Value {
  const proto = create(TensorProtoSchema, { dataType: elements[dtype].code, dims: shape.map(BigInt), rawData: new Uint8Array(data) });
  return constantValue(builder, readTensor("a fixed input", proto));
}
