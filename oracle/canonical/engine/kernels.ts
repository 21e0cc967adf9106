/**
 * The compiled kernels. Their source is `assembly/` (AssemblyScript), `scripts/build-kernels.ts` compiles it to `kernels.wasm`, and a test
 * checks that the committed file is what the source compiles to. They use WebAssembly's deterministic instructions only; the one freedom
 * that WebAssembly leaves, NaN payloads, they close by writing the one NaN.
 */
import { readFileSync } from "node:fs";
import { opCodes } from "../program/codes.ts";
import { ProgramError } from "../program/check.ts";
import { apply as decideByReference } from "../reference/operations.ts";

/** Addresses are bytes of the shared memory; counts are words unless said otherwise. `assembly/` documents each kernel. */
export interface Kernels {
  initialise(area: number): void;
  stateBytes(): number;
  initialiseFunctions(area: number): void;
  fillRows(access: number, dst: number, start: number, count: number, pad: number): void;
  fillWindows(window: number, dst: number, first: number, rows: number, absent: number, span: number): void;
  countInBounds(access: number, start: number, count: number): number;
  canonicalNaNs(words: number, count: number): void;
  hashLeaves(data: number, leaves: number, out: number, scratch: number): void;
  hashLevel(from: number, nodes: number, to: number, scratch: number): void;
  subtree(hashes: number, nodes: number, depth: number, scratch: number): void;
  accumulatorBytes(): number;
  exactDot(a: number, a2: number, b: number, b2: number, k: number, bias: number, divisor: number, acc: number): number;
  exactSum(x: number, k: number, term: number, divisor: number, acc: number): number;
  apply(code: number, bytes: number, dst: number, a: number, b: number, c: number): void;
  evaluate(expression: number, scratch: number, out: number, core: number, start: number, count: number): void;
  fillOperand(expression: number, scratch: number, operand: number, dst: number, start: number, count: number): void;
  packRows(src: number, pitch: number, rows: number, k: number, panels: number, norms: number): void;
  product(
    a: number,
    normsA: number,
    rows: number,
    b: number,
    normsB: number,
    columns: number,
    k: number,
    bias: number,
    c: number,
    pitch: number,
    firstColumn: number,
    list: number,
    tile: number,
  ): void;
  rowProducts(a: number, b: number, rows: number, k: number, bias: number, out: number, list: number): void;
  lanePlaces(
    window: number,
    first: number,
    places: number,
    pointers: number,
    absent: number,
    b: number,
    k: number,
    lanes: number,
    bias: number,
    out: number,
    rows: number,
    acc: number,
  ): number;
  widenLanes(src: number, k: number, lanes: number, dst: number): void;
  packIntegers(src: number, pitch: number, rows: number, k: number, zeros: number, low: number, high: number, isWide: number): void;
  integerProduct(
    lowA: number,
    highA: number,
    rows: number,
    lowB: number,
    highB: number,
    columns: number,
    k: number,
    bias: number,
    c: number,
    pitch: number,
    tile: number,
  ): void;
  integerProducts(
    a: number,
    a2: number,
    b: number,
    b2: number,
    rows: number,
    k: number,
    zeroA: number,
    zeroB: number,
    bias: number,
    out: number,
  ): void;
  sumRows(x: number, rows: number, k: number, term: number, divisor: number, divisors: number, out: number, acc: number): number;
  sumLanes(x: number, k: number, lanes: number, term: number, divisor: number, out: number, row: number, acc: number): number;
  foldRows(x: number, rows: number, k: number, kind: number, start: number, out: number): void;
  foldLanes(x: number, k: number, lanes: number, kind: number, start: number, out: number): void;
  argRows(x: number, x2: number, rows: number, k: number, real: number, least: number, last: number, out: number): void;
}

const code = new WebAssembly.Module(readFileSync(new URL("kernels.wasm", import.meta.url)));

/** Memory below this belongs to the kernels' constants. */
export const reservedBytes = 65536;

/** Bytes of private state that each instance needs. */
export const instanceBytes = 448;

/**
 * @param memory shared by all instances. @param state `instanceBytes` of it for this instance alone, 16-byte aligned.
 * @returns kernels that throw ProgramError where an access leaves its space.
 */
export function instantiateKernels(memory: WebAssembly.Memory, state: number): Kernels {
  const names = (opcode: number) => opCodes.nameOf(opcode);
  const { exports } = new WebAssembly.Instance(code, {
    env: {
      memory,
      abort: () => {
        throw new Error("a kernel of the canonical evaluation aborted");
      },
    },
    access: {
      outside: (_access: number, address: bigint) => {
        throw new ProgramError(`an access in bounds reads outside of its space (byte ${address} of the evaluator's memory)`);
      },
    },
    functions: { decide: (opcode: number, bits: number) => decideByReference(names(opcode), [bits >>> 0]) | 0 },
  });
  const kernels = exports as unknown as Kernels;
  kernels.initialise(state);
  kernels.initialiseFunctions(state + 400);
  return kernels;
}
