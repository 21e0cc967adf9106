/** f32 contractions that are matrix products. */
import type { Access, ContractInstruction } from "../program/types.ts";
import { dependsOn, pitchOfRows, walkOf } from "./axes.ts";
import { addressOfWalk, writeAccess, writeWindow } from "./descriptors.ts";
import { chunkWork, planExpression, product, range, type Context } from "./planContext.ts";
import type { ProductTask, Side } from "./tasks.ts";

const roundUp = (value: number, step: number) => Math.ceil(value / step) * step;

/** The output axes of a matrix product, in their order: groups, rows, inner groups, columns. */
interface Roles {
  groups: number[];
  rows: number[];
  inner: number[];
  columns: number[];
  /** Whether the rows are those of b. */
  swapped: boolean;
}

/** @returns null where the output axes don't come in that order. */
function rolesOf({ dims, a, b }: ContractInstruction): Roles | null {
  const axes = range(0, dims.length).filter((axis) => dims[axis]! > 1);
  const letters = axes
    .map((axis) => {
      const [inA, inB] = [dependsOn(a, axis), dependsOn(b, axis)];
      return inA === inB ? (inA ? "g" : "a") : inA ? "a" : "b";
    })
    .join("");
  for (const [swapped, pattern] of [
    [false, /^(g*)(a*)(g*)(b*)$/],
    [true, /^(g*)(b*)(g*)(a*)$/],
  ] as const) {
    const match = pattern.exec(letters);
    if (match === null) continue;
    const ends = match.slice(1).map((part) => part.length);
    const parts = ends.map((length, i) => axes.slice(ends.slice(0, i).reduce((x, y) => x + y, 0)).slice(0, length));
    return { groups: parts[0]!, rows: parts[1]!, inner: parts[2]!, columns: parts[3]!, swapped };
  }
  return null;
}

/** Bytes of panels that are worth keeping for one instruction. */
const packedLimit = 2 ** 28;
const sliceBytes = 2 ** 20;

interface Sizes {
  groups: number;
  inner: number;
  rows: number;
  columns: number;
  k: number;
}

function planSide(
  context: Context,
  access: Access,
  sizes: number[],
  outer: number[],
  inner: number[],
  groups: number,
  rows: number,
  k: number,
  atOnce: number,
): Side {
  const { layout, locate, scratch } = context;
  const order = [...outer, ...inner];
  const address = writeAccess(layout, locate, access, sizes, order);
  const panelBytes = 8 * k * roundUp(rows, 4);
  const normBytes = 8 * roundUp(rows, 4);
  let packed: Side["packed"] = null;
  // Panels hold four rows, so a chunk of packed rows starts at a multiple of four.
  const aligned = atOnce % 4 === 0 || atOnce === rows;
  if (access.space === "weights" && aligned && groups * panelBytes <= packedLimit) {
    packed = { panels: layout.reserve(groups * panelBytes), norms: layout.reserve(groups * normBytes), panelBytes, normBytes };
    context.preparations.push({ kind: "pack", access: address, groups, rows, k, ...packed });
  }
  const walk = walkOf(access, sizes, order);
  const pitch = groups === 1 ? pitchOfRows(walk, k) : null;
  const direct = pitch !== null && pitch >= 0 ? { address: addressOfWalk(walk, locate(access, sizes)), pitch: 4 * pitch } : null;
  return {
    access: address,
    window: direct === null && packed === null ? writeWindow(layout, locate, access, sizes, outer, inner, false) : null,
    hasBounds: access.bounds.length > 0,
    direct,
    packed,
    rowsArea: scratch.take(direct === null && packed === null ? 4 * k * atOnce : 0),
    panelsArea: scratch.take(packed === null ? 8 * k * roundUp(atOnce, 4) : 0),
    normsArea: scratch.take(packed === null ? 8 * roundUp(atOnce, 4) : 0),
  };
}

/** How much of the product one chunk computes: whole rows, or a part of one row where rows are few and long. */
function chunking({ groups, inner, rows, columns, k }: Sizes) {
  const rowWork = columns * k * inner;
  if (groups * rows < 4 && inner === 1 && rowWork > 2 * chunkWork) {
    return { chunkRows: 1, chunkColumns: Math.min(columns, roundUp(Math.ceil(chunkWork / k), 4)) };
  }
  // Panels of B are read from the cache once for all rows of a chunk, so a chunk has several rows even where one is work enough.
  const most = Math.max(4, Math.min(256, 4 * Math.floor(65536 / k / 4)));
  const shared = Math.min(48, roundUp(Math.ceil((groups * rows) / 8), 4));
  const chunkRows = Math.min(rows, most, Math.max(shared, roundUp(Math.ceil(chunkWork / rowWork), 4)));
  return { chunkRows, chunkColumns: columns };
}

/** @returns null where the contraction is no matrix product, or one so thin that panels would be mostly empty. */
export function planProduct(context: Context, instruction: ContractInstruction): ProductTask | null {
  const { out, scratch } = context;
  const { dims, reduce, bias, type } = instruction;
  const roles = type === "f32" ? rolesOf(instruction) : null;
  if (roles === null) return null;
  const count = (axes: number[]) => product(axes.map((axis) => dims[axis]!));
  const sizes: Sizes = {
    groups: count(roles.groups),
    inner: count(roles.inner),
    rows: count(roles.rows),
    columns: count(roles.columns),
    k: product(reduce),
  };
  const { groups, inner, rows, columns, k } = sizes;
  if (rows * columns < 2 || (groups * inner > 1 && rows * columns < 8) || (inner > 1 && columns < 2)) return null;
  const { chunkRows, chunkColumns } = chunking(sizes);
  const sliceColumns = Math.min(chunkColumns, Math.max(4, 4 * Math.floor(sliceBytes / (8 * k) / 4)));
  const [a, b] = roles.swapped ? [instruction.b, instruction.a] : [instruction.a, instruction.b];
  const loops = [...dims, ...reduce];
  const reduction = range(dims.length, reduce.length);
  const outer = [...roles.groups, ...roles.inner];
  const sliced = Math.min(sliceColumns, columns);
  return {
    kind: "product",
    out,
    words: product(dims),
    chunks: groups * Math.ceil(rows / chunkRows) * Math.ceil(columns / chunkColumns),
    ...planExpression(context, instruction),
    ...sizes,
    bias,
    biasArea: scratch.take(bias === null ? 0 : 4 * chunkRows * inner * chunkColumns),
    coreArea: scratch.take(4 * chunkRows * inner * chunkColumns),
    a: planSide(context, a, loops, [...outer, ...roles.rows], reduction, groups * inner, rows, k, chunkRows),
    b: planSide(context, b, loops, [...outer, ...roles.columns], reduction, groups * inner, columns, k, sliced),
    chunkRows,
    chunkColumns,
    sliceColumns,
    listArea: scratch.take(8 + 8 * chunkRows * chunkColumns),
    tileArea: scratch.take(128),
    exactArea: scratch.take(16 * k + 512),
  };
}
