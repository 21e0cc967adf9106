/** What `assay model inspect` says about a model. */
import type { ProgramHead } from "../../core/programHead.ts";
import { programHead, programRoot } from "../program/root.ts";
import { bytesOfWords } from "../proof/treeView.ts";
import { weightRoot } from "../weightRoot.ts";
import { lower, type LoweringOptions, type NamedTensor } from "./lower.ts";
import type { ModelWarning, RefusedNode } from "./walk.ts";

export interface Inspection {
  /** Whether a dispute about the model's answers can be settled: everything has a canonical meaning, and the engine can evaluate it. */
  adjudicable: boolean;
  /** Every node that keeps it from being so. */
  refused: RefusedNode[];
  /** 0x-prefixed; null where the model isn't adjudicable, as everything below. */
  programRoot: string | null;
  weightRoot: string | null;
  instructions: number | null;
  /** Words of 32 bits. */
  traceWords: number | null;
  /** What the trace would take if no operators were fused. */
  unfusedTraceWords: number | null;
  /** What `programRoot` is the hash of. */
  head: ProgramHead | null;
  weightWords: number | null;
  inputs: NamedTensor[] | null;
  outputs: NamedTensor[] | null;
  /** Terms of the longest contraction. */
  largestContraction: number | null;
  /** Inputs on which an honest operator with ONNX Runtime would be convicted, node by node; empty where the model isn't adjudicable. */
  warnings: ModelWarning[];
}

const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;

function notAdjudicable(refused: RefusedNode[]): Inspection {
  const none = { programRoot: null, weightRoot: null, instructions: null, traceWords: null, unfusedTraceWords: null, head: null };
  return { adjudicable: false, refused, ...none, weightWords: null, inputs: null, outputs: null, largestContraction: null, warnings: [] };
}

/** @throws OnnxError where the file is no model that may be read. */
export function inspectModel(file: Uint8Array, options: LoweringOptions = {}): Inspection {
  const lowering = lower(file, options);
  if (!lowering.adjudicable) return notAdjudicable(lowering.refused);
  const { program, weights, inputs, outputs, traceWords, unfusedWords, largestContraction, warnings } = lowering.lowered;
  return {
    adjudicable: true,
    refused: [],
    programRoot: hex(programRoot(program)),
    weightRoot: hex(weightRoot(bytesOfWords(weights))),
    instructions: program.instructions.length,
    traceWords,
    unfusedTraceWords: unfusedWords,
    head: programHead(program),
    weightWords: weights.length,
    inputs,
    outputs,
    largestContraction,
    warnings,
  };
}
