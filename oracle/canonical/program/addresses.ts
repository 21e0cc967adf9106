/** Shows that no access of a program leaves its space (docs/canonical.md, section 2), without running it. */
import { wordsPerLeaf } from "../../core/traceTree.ts";
import { ProgramError } from "./check.ts";
import { outputOffset } from "./layout.ts";
import type { Access, IndexTerm, Instruction, Program } from "./types.ts";

/** Words of a space, both ends included. */
export interface Range {
  least: number;
  most: number;
}

/** What `first + Σ factors · x` can be, x inside the box. */
function linear(first: number, factors: readonly number[], sizes: readonly number[]): Range {
  const range = { least: first, most: first };
  factors.forEach((factor, axis) => {
    const last = factor * (sizes[axis]! - 1);
    range.least += Math.min(0, last);
    range.most += Math.max(0, last);
  });
  return range;
}

/**
 * What the access's address can be where it is in bounds; null where it never is.
 * A bound whose factors are in proportion to the strides of its axes takes their place: the address is then its value
 * times that proportion, and the bound limits the value. Otherwise the bound only counts where it never holds.
 * The range holds every address; it may hold more where bounds share axes.
 */
function addressRange({ offset, strides, bounds }: Access, sizes: readonly number[]): Range | null {
  const left = strides.slice();
  const total = { least: offset, most: offset };
  for (const { start, limit, terms } of bounds) {
    const factors = sizes.map((_, axis) => terms.find((term) => term.axis === axis)?.factor ?? 0);
    const value = linear(start, factors, sizes);
    const least = Math.max(0, value.least);
    const most = Math.min(limit - 1, value.most);
    if (least > most) return null;
    const proportions = new Set(terms.map(({ axis, factor }) => left[axis]! / factor));
    const [proportion] = proportions;
    if (proportions.size !== 1 || !Number.isInteger(proportion)) continue;
    for (const { axis } of terms) left[axis] = 0;
    const ends = [proportion! * (least - start), proportion! * (most - start)];
    total.least += Math.min(...ends);
    total.most += Math.max(...ends);
  }
  const rest = linear(0, left, sizes);
  return { least: total.least + rest.least, most: total.most + rest.most };
}

/**
 * @param indices the access's index terms; none for a core's access. @param sizes of the loop axes.
 * @returns words among which every word lies that the access reads where it is in bounds; null where it never is.
 */
export function readRange(access: Access, indices: readonly IndexTerm[], sizes: readonly number[]): Range | null {
  const range = addressRange(access, sizes);
  if (range === null) return null;
  const index = linear(
    0,
    indices.map(({ stride }) => stride),
    indices.map((term) => term.limit),
  );
  return { least: range.least + index.least, most: range.most + index.most };
}

function checkRange(what: string, access: Access, indices: readonly IndexTerm[], sizes: readonly number[], limit: number): void {
  const range = readRange(access, indices, sizes);
  if (range !== null && (range.least < 0 || range.most >= limit)) {
    throw new ProgramError(`${what} may read words ${range.least} to ${range.most} of ${access.space}, where it may read ${limit} words`);
  }
}

function checkInstruction(instruction: Instruction, weightWords: number): void {
  if (instruction.kind === "input") return;
  const limitOf = ({ space }: Access) => (space === "trace" ? outputOffset(instruction) : weightWords);
  const { dims, operands } = instruction;
  operands.forEach(({ accesses }, number) => {
    for (const access of accesses) checkRange(`operand ${number}`, access, access.indices, dims, limitOf(access));
  });
  if (instruction.kind === "map") return;
  const sizes = [...dims, ...instruction.reduce];
  const core = instruction.kind === "contract" ? { a: instruction.a, b: instruction.b } : { x: instruction.x };
  for (const [name, access] of Object.entries(core)) checkRange(name, access, [], sizes, limitOf(access));
}

/**
 * Cautious: what passes is valid; a valid program whose bounds are not in proportion to its strides may be refused.
 * @param program one that `checkProgram` has passed.
 * @throws ProgramError saying which instruction and operand may read which words.
 */
export function checkAddresses({ instructions, weightLeaves }: Program): void {
  instructions.forEach((instruction, i) => {
    try {
      checkInstruction(instruction, weightLeaves * wordsPerLeaf);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      throw new ProgramError(`instruction ${i} (${instruction.kind}): ${error.message}`, { cause: error });
    }
  });
}
