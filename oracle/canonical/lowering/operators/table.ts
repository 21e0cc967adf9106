/** Every operator that has a canonical meaning. */
import type { Node } from "../../onnx/graph.ts";
import type { Lowering, LoweringTable } from "../operation.ts";
import { activations } from "./activation.ts";
import { attentions } from "./attention.ts";
import { casts } from "./cast.ts";
import { control } from "./control.ts";
import { convolutions } from "./convolution.ts";
import { elementwise } from "./elementwise.ts";
import { gathers } from "./gather.ts";
import { losses } from "./loss.ts";
import { matmuls } from "./matmul.ts";
import { normalisations } from "./normalisation.ts";
import { poolings } from "./pooling.ts";
import { quantised } from "./quantised.ts";
import { recurrents } from "./recurrent.ts";
import { reductions } from "./reduction.ts";
import { resizes } from "./resize.ts";
import { shapes } from "./shape.ts";

const table: LoweringTable = {
  ...activations,
  ...attentions,
  ...casts,
  ...control,
  ...convolutions,
  ...elementwise,
  ...gathers,
  ...losses,
  ...matmuls,
  ...normalisations,
  ...poolings,
  ...quantised,
  ...recurrents,
  ...reductions,
  ...resizes,
  ...shapes,
};

/** @returns undefined for operators that aren't covered. */
export function loweringOf({ domain, operator }: Node): Lowering | undefined {
  return domain === "" && Object.hasOwn(table, operator) ? table[operator] : undefined;
}

/** The names of all operators that are covered. */
export const coveredOperators = (): string[] => Object.keys(table).sort();
