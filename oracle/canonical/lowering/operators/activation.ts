/** Activations, by the function bodies of the ONNX operator specification. */
import type { TensorBuilder } from "../builder.ts";
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import type { Tensor } from "../tensors.ts";

type Curve = (builder: TensorBuilder, x: Tensor, parameter: (name: string, otherwise: number) => number) => Tensor;

const curve =
  (compute: Curve) =>
  (operation: Operation): Value[] =>
    one(
      "float32",
      compute(operation.builder, operation.f32(0), (name, otherwise) => operation.attributes.float(name, otherwise)),
    );

export function relu(builder: TensorBuilder, x: Tensor): Tensor {
  return builder.apply("fmax", x, builder.f32(0));
}

/** max(0, min(1, α·x + β)) */
export function hardSigmoid(builder: TensorBuilder, x: Tensor, alpha: number, beta: number): Tensor {
  const line = builder.apply("fadd", builder.apply("fmul", x, builder.f32(alpha)), builder.f32(beta));
  return builder.apply("fmax", builder.apply("fmin", line, builder.f32(1)), builder.f32(0));
}

/** x where x ≥ 0 (and NaN), otherwise `below`. */
export function positiveOr(builder: TensorBuilder, x: Tensor, below: Tensor): Tensor {
  return builder.apply("select", builder.apply("flt", x, builder.f32(0)), below, x);
}

/** α·(eˣ − 1) */
export function exponentialBelow(builder: TensorBuilder, x: Tensor, alpha: number): Tensor {
  return builder.apply("fmul", builder.f32(alpha), builder.apply("fsub", builder.apply("fexp", x), builder.f32(1)));
}

/** max(x, 0) + ln(1 + e^−|x|): the same function as ln(eˣ + 1), without its overflow. */
export function softplus(builder: TensorBuilder, x: Tensor): Tensor {
  const small = builder.apply("fexp", builder.apply("fneg", builder.apply("fabs", x)));
  return builder.apply("fadd", relu(builder, x), builder.apply("flog", builder.apply("fadd", builder.f32(1), small)));
}

function gelu(operation: Operation): Value[] {
  const { builder } = operation;
  const x = operation.f32(0);
  const approximate = operation.attributes.string("approximate", "none");
  const half = builder.apply("fmul", builder.f32(0.5), x);
  if (approximate === "none") {
    // 0.5·x·(1 + erf(x/√2))
    const error = builder.apply("ferf", builder.apply("fdiv", x, builder.f32(Math.SQRT2)));
    return one("float32", builder.apply("fmul", half, builder.apply("fadd", builder.f32(1), error)));
  }
  if (approximate !== "tanh") operation.refuse(`the approximation is '${approximate}'`);
  // 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
  const cube = builder.apply("fmul", builder.apply("fmul", x, x), x);
  const inner = builder.apply("fadd", x, builder.apply("fmul", builder.f32(0.044715), cube));
  const bent = builder.apply("ftanh", builder.apply("fmul", builder.f32(Math.sqrt(2 / Math.PI)), inner));
  return one("float32", builder.apply("fmul", half, builder.apply("fadd", builder.f32(1), bent)));
}

export const activations: LoweringTable = {
  Relu: curve(relu),
  LeakyRelu: curve((builder, x, parameter) => positiveOr(builder, x, builder.apply("fmul", builder.f32(parameter("alpha", 0.01)), x))),
  PRelu: (operation) => {
    const x = operation.f32(0);
    const { builder } = operation;
    return one("float32", positiveOr(builder, x, builder.apply("fmul", builder.expand(operation.f32(1), x.shape), x)));
  },
  ThresholdedRelu: curve((builder, x, parameter) => {
    const over = builder.apply("flt", builder.f32(parameter("alpha", 1)), x);
    return builder.apply("select", over, x, builder.f32(0));
  }),
  Elu: curve((builder, x, parameter) => positiveOr(builder, x, exponentialBelow(builder, x, parameter("alpha", 1)))),
  Selu: curve((builder, x, parameter) => {
    const [alpha, gamma] = [parameter("alpha", 1.6732632423543772), parameter("gamma", 1.0507009873554805)];
    const e = builder.apply("fmul", builder.f32(alpha), builder.apply("fexp", x));
    const below = builder.apply("fsub", e, builder.f32(alpha));
    return builder.apply("fmul", builder.f32(gamma), builder.apply("select", builder.apply("flt", builder.f32(0), x), x, below));
  }),
  Celu: curve((builder, x, parameter) => {
    const alpha = parameter("alpha", 1);
    const below = exponentialBelow(builder, builder.apply("fdiv", x, builder.f32(alpha)), alpha);
    return builder.apply("fadd", relu(builder, x), builder.apply("fmin", builder.f32(0), below));
  }),
  HardSigmoid: curve((builder, x, parameter) => hardSigmoid(builder, x, parameter("alpha", 0.2), parameter("beta", 0.5))),
  HardSwish: curve((builder, x) => builder.apply("fmul", x, hardSigmoid(builder, x, 1 / 6, 0.5))),
  Softplus: curve(softplus),
  Softsign: curve((builder, x) => builder.apply("fdiv", x, builder.apply("fadd", builder.f32(1), builder.apply("fabs", x)))),
  Mish: curve((builder, x) => builder.apply("fmul", x, builder.apply("ftanh", softplus(builder, x)))),
  Swish: curve((builder, x, parameter) =>
    builder.apply("fmul", x, builder.apply("fsigmoid", builder.apply("fmul", builder.f32(parameter("alpha", 1)), x))),
  ),
  Shrink: curve((builder, x, parameter) => {
    const [bias, lambda] = [parameter("bias", 0), parameter("lambd", 0.5)];
    const below = builder.apply("flt", x, builder.f32(-lambda));
    const above = builder.apply("flt", builder.f32(lambda), x);
    const [raised, lowered] = [builder.apply("fadd", x, builder.f32(bias)), builder.apply("fsub", x, builder.f32(bias))];
    return builder.apply("select", below, raised, builder.apply("select", above, lowered, builder.f32(0)));
  }),
  Gelu: gelu,
};
