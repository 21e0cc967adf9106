// Writes test/vectors/commitments.json, which the Solidity and the TypeScript trees are both held against.
import { writeFileSync } from "node:fs";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { dtypes, encodeBundle, type Dtype, type Tensor } from "../oracle/core/tensor.ts";
import { bundleRoot, leafBytes, openLeaf, tensorRoot, treeTop } from "../oracle/core/traceTree.ts";

export const vectorsFile = join(dirname(dirname(fileURLToPath(import.meta.url))), "test", "vectors", "commitments.json");

const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;

/** A small generator with a seed: the vectors are the same on every machine. */
function generator(seed: number) {
  let state = seed >>> 0;
  return (below: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return Math.floor((((state ^ (state >>> 13)) >>> 0) / 2 ** 32) * below);
  };
}

function randomTensor(next: (below: number) => number, dtype: Dtype, shape: number[]): Tensor {
  const length = shape.reduce((product, dimension) => product * dimension, 1) * dtypes[dtype].size;
  return { dtype, shape, data: Uint8Array.from({ length }, () => next(256)) };
}

/** @returns the vectors as they must stand in the file. */
export function renderVectors(): string {
  const next = generator(20261123);
  const names = Object.keys(dtypes) as Dtype[];
  const words = [0, 1, 63, 64, 65, 128, 129, 1000];
  const bundles: Tensor[][] = [[]];
  for (const count of words) bundles.push([randomTensor(next, "float32", [count])]);
  for (const dtype of names) bundles.push([randomTensor(next, dtype, [3, 7])]);
  bundles.push(
    [randomTensor(next, "int64", [])],
    [randomTensor(next, "uint8", [1, 1, 1, 2, 1, 1, 1, 5])],
    [randomTensor(next, "int8", [4, 0, 3])],
  );
  for (let i = 0; i < 8; i++) {
    bundles.push(
      Array.from({ length: 2 + next(3) }, () =>
        randomTensor(
          next,
          names[next(names.length)]!,
          Array.from({ length: next(4) }, () => 1 + next(9)),
        ),
      ),
    );
  }
  const openings = [1, 2, 3, 5, 16, 17].flatMap((leaves) => {
    const data = randomTensor(next, "uint8", [(leaves - 1) * leafBytes + 4 + 4 * next(63)]).data;
    return [...new Set([0, leaves >> 1, leaves - 1])].map((index) => ({
      leaves,
      index,
      leaf: hex(data.subarray(index * leafBytes, (index + 1) * leafBytes)),
      depth: openLeaf(data, index).length,
      proof: openLeaf(data, index).map(hex),
      top: hex(treeTop(data)),
    }));
  });
  const vectors = {
    bundleCount: bundles.length,
    openingCount: openings.length,
    bundles: bundles.map((tensors) => ({
      bytes: hex(encodeBundle(tensors)),
      tensorRoots: tensors.map((tensor) => hex(tensorRoot(tensor))),
      root: hex(bundleRoot(tensors)),
    })),
    openings,
  };
  return `${JSON.stringify(vectors, null, 1)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(vectorsFile, renderVectors());
