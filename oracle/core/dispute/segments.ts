/**
 * How a long reduction is cut into segments, these into segments of their own, down to what one transaction can recompute: as
 * contracts/libraries/Segments.sol. A path names one of them: 1 is the whole reduction, and the segment with number i of what a path names
 * is 32 · path + i.
 */

const maximum = 32;

export interface Segment {
  /** Positions in the reduction space: [from, to). */
  from: number;
  to: number;
}

/** The path of a whole reduction. */
export const wholePath = 1;
/** Paths have at most this many segments behind the whole: enough for a reduction of 2^38 elements, the largest that a program may have. */
export const deepestPath = 7;

export const pathBelow = (path: number, index: number): number => maximum * path + index;

/** @returns the numbers of the segments on a path, the outermost first. */
export function indicesOf(path: number): number[] {
  const indices: number[] = [];
  for (; path >= maximum; path = Math.floor(path / maximum)) indices.unshift(path % maximum);
  return indices;
}

export const lengthOf = ({ from, to }: Segment): number => to - from;

/** @param segment not empty. @returns what it is cut into: all but the last of one length. */
export function segmentsIn(segment: Segment): Segment[] {
  const total = lengthOf(segment);
  let length = total > 256 ? 256 : total > 8 ? 8 : 1;
  while (total > maximum * length) length *= 2;
  return Array.from({ length: Math.ceil(total / length) }, (_, i) => {
    const from = segment.from + i * length;
    return { from, to: Math.min(from + length, segment.to) };
  });
}

/** @param total elements of the whole reduction. @returns what the path names; undefined where there is no such segment. */
export function segmentAt(total: number, path: number): Segment | undefined {
  return indicesOf(path).reduce<Segment | undefined>((outer, index) => outer && segmentsIn(outer)[index], { from: 0, to: total });
}

/** What can always be recomputed at once. */
export const firstElementOf = ({ from }: Segment): Segment => ({ from, to: from + 1 });

/** Of a state. */
const wordCount = 6;
const wordBytes = 32;

/** @param states of six words of 256 bits each. @returns them one behind the other, as the contract takes them. */
export function bytesOfStates(states: readonly (readonly bigint[])[]): Uint8Array {
  const words = states.flat().map((word) => word.toString(16).padStart(2 * wordBytes, "0"));
  return Uint8Array.from(Buffer.from(words.join(""), "hex"));
}

/** @param bytes as they were shown. @returns none where they are no whole states: then nothing but their number counts. */
export function statesOf(bytes: Uint8Array): bigint[][] {
  const size = wordCount * wordBytes;
  if (bytes.length % size !== 0) return [];
  const words = (Buffer.from(bytes).toString("hex").match(/.{64}/g) ?? []).map((word) => BigInt(`0x${word}`));
  return Array.from({ length: bytes.length / size }, (_, i) => words.slice(i * wordCount, (i + 1) * wordCount));
}
