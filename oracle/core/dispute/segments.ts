/** How a long reduction is cut into segments that one transaction can recompute: as contracts/libraries/Segments.sol. */

const maximum = 32;
const shortest = 256;

export interface Segment {
  /** Positions in the reduction space: [from, to). */
  from: number;
  to: number;
}

/** @param total elements of the reduction. @returns its segments, all but the last of one length; at least one. */
export function segmentsOf(total: number): Segment[] {
  let length = shortest;
  while (total > maximum * length) length *= 2;
  const count = Math.max(1, Math.ceil(total / length));
  return Array.from({ length: count }, (_, i) => ({ from: i * length, to: Math.min((i + 1) * length, total) }));
}
