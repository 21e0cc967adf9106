/** Weights and inputs for random programs: words of every kind, corners among them. */
import { dtypes, elementCount, type Tensor } from "../../../oracle/core/tensor.ts";
import type { Program } from "../../../oracle/canonical/program/types.ts";
import { floatWord, intWord, type Seeded } from "./seeded.ts";

/** Runs of 16 words of one kind: small indices, integers, or (mostly) floats. */
export function randomWeights(random: Seeded, { weightLeaves }: Program): Uint32Array {
  const words = new Uint32Array(64 * weightLeaves);
  for (let run = 0; run < words.length; run += 16) {
    const draw = random.pick([floatWord, floatWord, intWord, ({ int }: Seeded) => int(-12, 12)]);
    for (let i = run; i < run + 16; i++) words[i] = draw(random);
  }
  return words;
}

export function randomInputs(random: Seeded, { inputs }: Program): Tensor[] {
  return inputs.map(({ dtype, shape }) => {
    const data = new Uint8Array(elementCount(shape) * dtypes[dtype].size);
    const view = new DataView(data.buffer);
    for (let i = 0; i < data.length; i++) data[i] = random.int(0, 255);
    if (dtype === "float32") for (let at = 0; at < data.length; at += 4) view.setUint32(at, floatWord(random), true);
    if (dtype === "int64") for (let at = 4; at < data.length; at += 8) view.setInt32(at, random.pick([0, 0, -1, 1]), true);
    return { dtype, shape, data };
  });
}
