/** Losses against known classes, by the function bodies of the ONNX operator specification. */
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { constantForm, identityForms, type Coordinate, type Tensor } from "../tensors.ts";
import { gather } from "../movement.ts";
import { reduceAxes, softmaxAlong } from "./reduction.ts";

const allAxes = ({ shape }: Tensor) => shape.map((_, axis) => axis);

/** Of each position the score of its class: [N, C, …] by [N, …]. */
function ofClass({ builder }: Operation, scores: Tensor, classes: Tensor): Tensor {
  const forms = identityForms(classes.shape);
  const coordinates = scores.shape.map((_, axis): Coordinate => {
    if (axis !== 1) return forms[axis === 0 ? 0 : axis - 1]!;
    return { ...constantForm(0), index: { tensor: classes, coordinates: forms } };
  });
  return builder.view(classes.shape, [{ source: scores, coordinates, ranges: [] }], 0);
}

/** −score of the class, times its weight; a mean divides the sum by the sum of the weights. */
function loss(operation: Operation, scores: Tensor): Tensor {
  const { builder, attributes } = operation;
  const given = builder.narrow(operation.typed(1, "int32", "int64").tensor);
  if (given.shape.length !== scores.shape.length - 1) operation.refuse("the classes do not fit the scores");
  const ignored = attributes.int("ignore_index", undefined);
  if (ignored !== undefined && ignored !== (ignored | 0)) operation.refuse(`ignore_index is ${ignored}; covered are numbers of 32 bits`);
  const left = ignored === undefined ? null : builder.apply("ieq", given, builder.i32(ignored));
  const classes = left === null ? given : builder.apply("select", left, builder.i32(0), given);
  const weight = operation.optional(2) === undefined ? null : gather(builder, operation.f32(2), classes, 0);
  const kept = left && builder.apply("select", left, builder.f32(0), weight ?? builder.f32(1));
  const weights = kept ?? weight;
  const single = builder.apply("fneg", ofClass(operation, scores, classes));
  const losses = weights === null ? single : builder.apply("fmul", single, weights);
  const reduction = attributes.string("reduction", "mean");
  if (reduction === "none") return losses;
  if (reduction !== "mean" && reduction !== "sum") operation.refuse(`the reduction '${reduction}' is not covered`);
  const plainMean = reduction === "mean" && weights === null;
  const sum = builder.reshape(reduceAxes(builder, losses, allAxes(losses), "sum", plainMean), []);
  if (reduction === "sum" || weights === null) return sum;
  return builder.apply("fdiv", sum, builder.reshape(reduceAxes(builder, weights, allAxes(weights), "sum"), []));
}

function crossEntropy(operation: Operation): Value[] {
  const logarithms = softmaxAlong(operation.builder, operation.f32(0), [1], true);
  return [loss(operation, logarithms), logarithms].map((tensor) => ({ element: "float32", tensor }));
}

export const losses: LoweringTable = {
  NegativeLogLikelihoodLoss: (operation) => one("float32", loss(operation, operation.f32(0))),
  SoftmaxCrossEntropyLoss: crossEntropy,
};
