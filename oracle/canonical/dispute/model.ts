/** A registered model as disputes see it: its program, its weights, and everything that its roots commit to. */
import type { Tensor } from "../../core/tensor.ts";
import { createEvaluator, type EvaluateOptions, type Evaluation, type Evaluator } from "../evaluate.ts";
import { lower, type Lowered } from "../lowering/lower.ts";
import { traceLeaves } from "../program/layout.ts";
import { programHead, programRoot, weightRootOf } from "../program/root.ts";
import type { Program } from "../program/types.ts";
import { StepProver } from "../proof/stepProof.ts";
import { bytesOfWords, MemoryTree, type TreeView } from "../proof/treeView.ts";
import { memorySource } from "../trace/sources.ts";
import { Trace } from "../trace/trace.ts";
import { hashTree } from "../engine/hashing.ts";
import { treeOf } from "./views.ts";

/** The file has no canonical program: no dispute about its answers can be settled. The message names every obstacle. */
export class NotAdjudicableError extends Error {
  override name = "NotAdjudicableError";
  readonly retryable = false;
}

const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;

export class CanonicalModel {
  readonly program: Program;
  readonly weights: Uint32Array;
  /** 0x-prefixed, as the model's record has them. */
  readonly programRoot: string;
  readonly weightRoot: string;
  /** Leaves of the program's trace. */
  readonly leafCount: number;
  /** The program's header and the top of the tree over its instructions: the preimages of the program root. */
  readonly header: Uint8Array;
  readonly instructionsTop: Uint8Array;
  readonly weightTree: TreeView;
  readonly #workers: number | undefined;
  #prover: StepProver | undefined;
  #evaluator: Evaluator | undefined;

  /** @param workers threads of an evaluation; all of the machine's by default. */
  constructor({ program, weights }: Pick<Lowered, "program" | "weights">, workers?: number) {
    this.program = program;
    this.weights = weights;
    this.#workers = workers;
    const bytes = bytesOfWords(weights);
    this.programRoot = hex(programRoot(program));
    const { leaves, levels, top } = hashTree(bytes);
    this.weightRoot = hex(weightRootOf(leaves, top));
    this.leafCount = traceLeaves(program);
    const { header, instructionsTop } = programHead(program);
    this.header = header;
    this.instructionsTop = instructionsTop;
    // Hashed once: an opening hashes the part again that its leaf lies in, and no other.
    this.weightTree = leaves === 0 ? new MemoryTree(bytes) : treeOf(new Trace(leaves, memorySource(bytes), levels));
  }

  /** @param file an ONNX file, all shapes fixed. @throws NotAdjudicableError @throws OnnxError */
  static ofOnnx(file: Uint8Array, workers?: number): CanonicalModel {
    const lowering = lower(file);
    if (lowering.adjudicable) return new CanonicalModel(lowering.lowered, workers);
    const reasons = lowering.refused.map(({ node, operator, reason }) => `${operator} ${node}: ${reason}`);
    throw new NotAdjudicableError(`the model has no canonical program: ${reasons.join("; ")}`);
  }

  /** Builds the proofs of this program's steps. */
  get prover(): StepProver {
    return (this.#prover ??= new StepProver(this.program));
  }

  /** One evaluation at a time; weights are packed and threads started at the first. @throws InputError where the inputs are not the program's. */
  evaluate(inputs: readonly Tensor[], options: EvaluateOptions = {}): Promise<Evaluation> {
    this.#evaluator ??= createEvaluator(this.program, this.weights, this.#workers === undefined ? {} : { workers: this.#workers });
    return this.#evaluator.evaluate(inputs, options);
  }

  /** Ends the threads; the next evaluation starts new ones. */
  async close(): Promise<void> {
    const evaluator = this.#evaluator;
    this.#evaluator = undefined;
    await evaluator?.close();
  }
}
