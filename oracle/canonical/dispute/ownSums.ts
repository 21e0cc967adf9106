/** The states that an evaluation gives for the segments of a word's reduction. */
import { indicesOf, pathBelow, segmentsIn, wholePath } from "../../core/dispute/segments.ts";
import type { Framed, StepProver, StepSources, StepState } from "../proof/stepProof.ts";
import type { CanonicalAnswer } from "./evaluations.ts";

/** What is shown of the segment on a path is worked out from what was shown of the one around it, so each element is summed up little more than once. */
export class OwnSums {
  readonly #prover: StepProver;
  readonly #sources: StepSources;
  readonly #known = new Map<string, StepState[]>();

  constructor(prover: StepProver, sources: StepSources) {
    this.#prover = prover;
    this.#sources = sources;
  }

  /** @returns the state before what the path names, at the end of every segment in it, and its own. @throws ProgramError */
  at(leaf: number, word: number, path: number): StepState[] {
    const key = `${leaf}/${word}/${path}`;
    let states = this.#known.get(key);
    if (states === undefined) {
      states = this.#prover.sums(leaf, word, this.#sources, this.framed(leaf, word, path));
      this.#known.set(key, states);
    }
    return states;
  }

  /** @returns what the path names. @throws RangeError where there is no such segment. */
  framed(leaf: number, word: number, path: number): Framed {
    let framed = this.#prover.framed(leaf, word, this.#sources);
    let outer = wholePath;
    for (const index of indicesOf(path)) {
      const states = this.at(leaf, word, outer);
      const segment = segmentsIn(framed.segment)[index];
      if (segment === undefined) throw new RangeError(`the reduction of word ${word} of leaf ${leaf} has no segment on the path ${path}`);
      framed = { segment, states: [states[index]!, states[index + 1]!] };
      outer = pathBelow(outer, index);
    }
    return framed;
  }
}

const ofEvaluations = new WeakMap<CanonicalAnswer, OwnSums>();

/** Kept as long as the evaluation is: a dispute asks for the same sums with every block. */
export function ownSums(evaluation: CanonicalAnswer): OwnSums {
  let sums = ofEvaluations.get(evaluation);
  if (sums === undefined) {
    const { model, tree, inputs } = evaluation;
    sums = new OwnSums(model.prover, { trace: tree, weights: model.weightTree, inputs });
    ofEvaluations.set(evaluation, sums);
  }
  return sums;
}
