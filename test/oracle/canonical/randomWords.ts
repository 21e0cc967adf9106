/** Weights and inputs for random programs: words of every kind, corners among them. */
import { dtypes, elementCount, type Tensor } from "../../../oracle/core/tensor.ts";
import type { Program } from "../../../oracle/canonical/program/types.ts";
import { floatWord, intWord, type Seeded } from "./seeded.ts";

/** Finite and neither large nor small: one corner makes a long sum infinite or NaN. */
const mildWord = (random: Seeded) => random.int(0, 1) * 0x80000000 + random.int(110, 132) * 0x800000 + random.int(0, 0x7fffff);

const smallInteger = ({ int }: Seeded) => int(-12, 12);

/** Every leaf is of one kind: the first one small integers, then mild floats, then floats of any kind, then integers, and again. */
export function randomWeights(random: Seeded, { weightLeaves }: Program): Uint32Array {
  const kinds = [smallInteger, mildWord, mildWord, floatWord, mildWord, intWord];
  return Uint32Array.from({ length: 64 * weightLeaves }, (_, i) => kinds[Math.floor(i / 64) % kinds.length]!(random));
}

export function randomInputs(random: Seeded, { inputs }: Program): Tensor[] {
  return inputs.map(({ dtype, shape }) => {
    const data = new Uint8Array(elementCount(shape) * dtypes[dtype].size);
    const view = new DataView(data.buffer);
    for (let i = 0; i < data.length; i++) data[i] = random.int(0, 255);
    const draw = random.oneIn(4) ? floatWord : mildWord;
    if (dtype === "float32") for (let at = 0; at < data.length; at += 4) view.setUint32(at, draw(random), true);
    if (dtype === "int64") for (let at = 4; at < data.length; at += 8) view.setInt32(at, random.pick([0, 0, -1, 1]), true);
    return { dtype, shape, data };
  });
}

/** Multiples of 2^-11 with 13 bits at most: sums of their products meet ties again and again. */
const gridWord = (random: Seeded) => new Uint32Array(Float32Array.of(random.int(-4096, 4096) / 2048).buffer)[0]!;

/** Words for `typicalProgram`: mild floats or such on a grid, and with `corners` one of any kind in about 200. */
export function typicalWords(random: Seeded, count: number, corners: boolean): Uint32Array {
  const draw = random.oneIn(2) ? gridWord : mildWord;
  return Uint32Array.from({ length: count }, () => (corners && random.oneIn(200) ? floatWord(random) : draw(random)));
}
