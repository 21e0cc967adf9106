/** Contractions that are matrix products. */
import type { Access, ContractInstruction, ElementType } from "../program/types.ts";
import { dependsOn, pitchOfRows, walkOf } from "./axes.ts";
import { addressOfWalk, writeAccess, writeWindow } from "./descriptors.ts";
import { panelBytes, summaryBytes } from "./pack.ts";
import { chunkWork, planExpression, product, range, type Context } from "./planContext.ts";
import type { ProductTask, Side } from "./tasks.ts";
import { zeroPoint } from "./zeroPoints.ts";

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

/** One side of the product as the program has it. */
interface Factor {
  access: Access;
  /** Its zero point; null for zero. */
  zero: Access | null;
  /** Axes of groups and rows, and those of the reduction. */
  outer: number[];
  inner: number[];
  groups: number;
  rows: number;
  /** Rows that are packed at a time. */
  atOnce: number;
}

function planSide(context: Context, type: ElementType, factor: Factor, sizes: number[], k: number): Side {
  const { layout, locate, scratch } = context;
  const { access, zero, outer, inner, groups, rows, atOnce } = factor;
  const order = [...outer, ...inner];
  const zeroAddress = zero === null ? null : writeAccess(layout, locate, zero, sizes, outer);
  const address = writeAccess(layout, locate, access, sizes, order);
  const groupBytes = panelBytes(type, rows, k);
  let packed: Side["packed"] = null;
  // Panels hold four rows, so a chunk of packed rows starts at a multiple of four.
  const aligned = atOnce % 4 === 0 || atOnce === rows;
  const isConstant = access.space === "weights" && (zero === null || zero.space === "weights");
  if (isConstant && aligned && groups * groupBytes <= packedLimit) {
    const [panels, summary] = [layout.reserve(groups * groupBytes), layout.reserve(groups * summaryBytes(type, rows))];
    packed = { panels, summary, panelBytes: groupBytes, summaryBytes: summaryBytes(type, rows) };
    context.preparations.push({ kind: "pack", type, access: address, zero: zeroAddress, groups, rows, k, packed });
  }
  const walk = walkOf(access, sizes, order);
  const pitch = groups === 1 ? pitchOfRows(walk, k) : null;
  const direct = pitch !== null && pitch >= 0 ? { address: addressOfWalk(walk, locate(access, sizes)), pitch: 4 * pitch } : null;
  return {
    access: address,
    window: direct === null && packed === null ? writeWindow(layout, locate, access, sizes, outer, inner, false) : null,
    hasBounds: access.bounds.length > 0,
    zero: zeroAddress,
    direct,
    packed,
    rowsArea: scratch.take(direct === null && packed === null ? 4 * k * atOnce : 0),
    zerosArea: scratch.take(packed === null && type === "i32" ? 4 * roundUp(atOnce, 4) : 0),
    panelsArea: scratch.take(packed === null ? panelBytes(type, atOnce, k) : 0),
    panelBytes: panelBytes(type, atOnce, k),
    summaryArea: scratch.take(packed === null ? summaryBytes(type, atOnce) : 0),
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
  const roles = rolesOf(instruction);
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
  const sides = [
    { access: instruction.a, operand: instruction.zeroA },
    { access: instruction.b, operand: instruction.zeroB },
  ];
  const [left, right] = roles.swapped ? sides.reverse() : sides;
  const loops = [...dims, ...reduce];
  const shared = { inner: range(dims.length, reduce.length), groups: groups * inner };
  const outer = [...roles.groups, ...roles.inner];
  const factor = ({ access, operand }: (typeof sides)[number], own: number[], count: number, atOnce: number): Factor | null => {
    // One zero point for all rows where absent elements stand for it.
    const zero = zeroPoint(instruction, operand, access.bounds.length > 0 ? [] : [...outer, ...own], context.weights);
    return zero === undefined ? null : { ...shared, access, zero, outer: [...outer, ...own], rows: count, atOnce };
  };
  const a = factor(left!, roles.rows, rows, chunkRows);
  const b = factor(right!, roles.columns, columns, Math.min(sliceColumns, columns));
  if (a === null || b === null) return null;
  return {
    kind: "product",
    type,
    out,
    words: product(dims),
    chunks: groups * Math.ceil(rows / chunkRows) * Math.ceil(columns / chunkColumns),
    ...planExpression(context, instruction),
    ...sizes,
    bias,
    biasArea: scratch.take(bias === null ? 0 : 4 * chunkRows * inner * chunkColumns),
    coreArea: scratch.take(4 * chunkRows * inner * chunkColumns),
    a: planSide(context, type, a, loops, k),
    b: planSide(context, type, b, loops, k),
    chunkRows,
    chunkColumns,
    sliceColumns,
    listArea: scratch.take(8 + 8 * chunkRows * chunkColumns),
    tileArea: scratch.take(128),
    exactArea: scratch.take(16 * k + 512),
  };
}
