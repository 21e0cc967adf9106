/** Movement of movement as one movement, and ranges that always or never hold taken away. */
import type { Word } from "../program/types.ts";
import { mergeRanges, substitute, substituteForm, type Coordinate, type Form, type Piece, type Range } from "./tensors.ts";

export interface Movement {
  shape: number[];
  pieces: Piece[];
  pad: Word | null;
}

const most = {
  /** A view of the program has at most 64 accesses; what consumers add needs room too. */
  pieces: 48,
  ranges: 6,
} as const;

/** @returns smallest and largest value of the form over the coordinates of `shape`. */
export function extremes({ start, terms }: Form, shape: readonly number[]): [number, number] {
  let [low, high] = [start, start];
  for (const { axis, factor } of terms) {
    const reach = factor * (shape[axis]! - 1);
    if (reach < 0) low += reach;
    else high += reach;
  }
  return [low, high];
}

/** @returns the ranges that don't always hold; null where one never does. */
function usefulRanges(ranges: readonly Range[], shape: readonly number[]): Range[] | null {
  const useful: Range[] = [];
  for (const range of mergeRanges(ranges)) {
    const [low, high] = extremes(range.form, shape);
    if (high < 0 || low >= range.limit) return null;
    if (low < 0 || high >= range.limit) useful.push(range);
  }
  return useful;
}

export function simplified({ shape, pieces, pad }: Movement): Movement {
  const kept = pieces.flatMap((piece) => {
    const ranges = usefulRanges(piece.ranges, shape);
    return ranges === null ? [] : [{ ...piece, ranges }];
  });
  const total = kept.length === 1 && kept[0]!.ranges.length === 0 && kept[0]!.coordinates.every(({ index }) => index === undefined);
  return { shape, pieces: kept, pad: total ? null : pad };
}

/** @returns null where an index stands in the way. */
function composed(inner: Coordinate, innerSize: number, outer: readonly Coordinate[], outerSizes: readonly number[]): Coordinate | null {
  const moved = inner.terms.filter(({ axis }) => outer[axis]!.index !== undefined);
  if (moved.length === 0) return substitute(inner, outer);
  const [term] = inner.terms;
  const passes = inner.terms.length === 1 && inner.start === 0 && term!.factor === 1 && inner.index === undefined;
  // A negative index counts from the end of the axis, so the axis must keep its size.
  return passes && outerSizes[term!.axis] === innerSize ? outer[term!.axis]! : null;
}

function composedRange({ form, limit }: Range, outer: readonly Coordinate[]): Range | null {
  if (form.terms.some(({ axis }) => outer[axis]!.index !== undefined)) return null;
  return { form: substituteForm(form, outer), limit };
}

/** @returns the pieces that read through the piece's source, a view; null where that can't be said as pieces. */
function throughView(piece: Piece): { pieces: Piece[]; pad: Word | null } | null {
  const { source, coordinates, ranges } = piece;
  if (source.kind !== "view") return null;
  const pieces: Piece[] = [];
  for (const inner of source.pieces) {
    const parts = inner.coordinates.map((coordinate, axis) => composed(coordinate, inner.source.shape[axis]!, coordinates, source.shape));
    const limits = inner.ranges.map((range) => composedRange(range, coordinates));
    if (parts.includes(null) || limits.includes(null)) return null;
    if (inner.coordinates.some(({ index }) => index?.coordinates.some(({ terms }) => terms.some(({ axis }) => coordinates[axis]!.index))))
      return null;
    pieces.push({ source: inner.source, coordinates: parts as Coordinate[], ranges: [...ranges, ...(limits as Range[])] });
  }
  return { pieces, pad: source.pad };
}

/** Reads through views of views where that gives the same words. */
export function flatten(movement: Movement): Movement {
  let { pieces, pad } = movement;
  for (let i = 0; i < pieces.length;) {
    const through = throughView(pieces[i]!);
    // Where the inner view pads, its pad word must be the outer one's, or the outer one must have none.
    const padsAgree = through !== null && (through.pad === null || pad === null || through.pad === pad);
    if (!padsAgree) {
      i++;
      continue;
    }
    const next = simplified({
      shape: movement.shape,
      pieces: [...pieces.slice(0, i), ...through.pieces, ...pieces.slice(i + 1)],
      pad: pad ?? through.pad,
    });
    if (next.pieces.length > most.pieces || next.pieces.some(({ ranges }) => ranges.length > most.ranges)) {
      i++;
      continue;
    }
    ({ pieces, pad } = next);
  }
  return { shape: movement.shape, pieces, pad };
}
