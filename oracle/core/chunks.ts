/** The pieces that a bundle is published in, as `contracts/libraries/Chunks.sol` cuts it: 65,536 bytes of one tensor each. */
import { checkTensor, dtypes, elementCount, TensorError, type Tensor } from "./tensor.ts";
import { absent, levelsOf, tensorRoot, treeTop } from "./traceTree.ts";

export const chunkBytes = 65_536;
/** Levels of a chunk's subtree: 256 leaves. */
const chunkHeight = 8;

export type TensorType = Pick<Tensor, "dtype" | "shape">;

/** What shows that a chunk belongs to its bundle; the program's header, which the contract takes besides, is the model's. */
export interface ChunkProof {
  tensorRoots: Uint8Array[];
  /** Top of the tree over the chunk's tensor. */
  tensorTop: Uint8Array;
  /** From the chunk up to that top, lowest first; none where the tensor has one chunk. */
  siblings: Uint8Array[];
}

const byteLength = ({ dtype, shape }: TensorType): number => elementCount(shape) * dtypes[dtype].size;
const chunksIn = (type: TensorType): number => Math.ceil(byteLength(type) / chunkBytes);

/** @returns the number of chunks that a bundle of such tensors is published in. */
export function chunkCount(types: readonly TensorType[]): number {
  return types.reduce((sum, type) => sum + chunksIn(type), 0);
}

/** @returns bytes of the tensors' elements. */
export const sizeOf = (types: readonly TensorType[]): number => types.reduce((sum, type) => sum + byteLength(type), 0);

/** @returns which tensor a chunk is part of, and its number among that tensor's chunks. @throws RangeError */
function placeOf(types: readonly TensorType[], chunk: number): { index: number; first: number } {
  let rest = chunk;
  for (const [index, type] of types.entries()) {
    if (rest < chunksIn(type)) return { index, first: rest };
    rest -= chunksIn(type);
  }
  throw new RangeError(`chunk ${chunk} of ${chunkCount(types)}`);
}

/** @param chunk its number, through all tensors. @returns its bytes. @throws RangeError */
export function chunkOf(tensors: readonly Tensor[], chunk: number): Uint8Array {
  const { index, first } = placeOf(tensors, chunk);
  return tensors[index]!.data.subarray(first * chunkBytes, (first + 1) * chunkBytes);
}

/** @param chunk its number, through all tensors. @throws RangeError */
export function chunkProof(tensors: readonly Tensor[], chunk: number): ChunkProof {
  const { index, first } = placeOf(tensors, chunk);
  const { data } = tensors[index]!;
  const tensorRoots = tensors.map(tensorRoot);
  if (data.length <= chunkBytes) return { tensorRoots, tensorTop: treeTop(data), siblings: [] };
  const levels = levelsOf(data).slice(chunkHeight);
  const siblings = levels.slice(0, -1).map((level, height) => level[Math.floor(first / 2 ** height) ^ 1] ?? absent);
  return { tensorRoots, tensorTop: levels.at(-1)![0]!, siblings };
}

/**
 * Puts together what was published.
 * @param types of the program's inputs or outputs. @param chunks all of them, in order.
 * @throws TensorError where they are not the chunks of such tensors.
 */
export function tensorsOf(types: readonly TensorType[], chunks: readonly Uint8Array[]): Tensor[] {
  if (chunks.length !== chunkCount(types)) throw new TensorError(`${chunks.length} chunks; the tensors have ${chunkCount(types)}`);
  let next = 0;
  return types.map(({ dtype, shape }) => {
    const end = next + chunksIn({ dtype, shape });
    const tensor = { dtype, shape, data: new Uint8Array(Buffer.concat(chunks.slice(next, end))) };
    checkTensor(tensor);
    next = end;
    return tensor;
  });
}
