/** A program made ready for evaluation: memory laid out, descriptors written, tasks planned. */
import { wordsPerLeaf } from "../../core/traceTree.ts";
import { checkProgram, ProgramError } from "../program/check.ts";
import { outputLeaves, outputOffset, traceLeaves } from "../program/layout.ts";
import type { Program } from "../program/types.ts";
import { controlBytes } from "./control.ts";
import type { Locate } from "./descriptors.ts";
import { instanceBytes, instantiateKernels, type Kernels } from "./kernels.ts";
import { Layout } from "./layout.ts";
import { pack, rowBytes } from "./pack.ts";
import { planInstruction } from "./plan.ts";
import type { Preparation } from "./planContext.ts";
import type { EngineTask } from "./tasks.ts";
import { partDepth, partLeaves, residentTrace, streamedTrace, type TraceLayout } from "./traceLayout.ts";

/** What a worker is given: plain data and the shared memory. */
export interface WorkerPlan {
  memory: WebAssembly.Memory;
  control: number;
  tasks: EngineTask[];
  /** Leaves of each instruction's output: first, count. */
  leaves: { first: number; count: number }[];
  completedBy: Uint32Array;
  hashedBefore: Uint32Array;
  totalLeaves: number;
  /** Hashes of the tree's levels from the parts' tops up to the root, one after another. */
  levels: { address: number; nodes: number }[];
  /** Per worker: address of its state and of its scratch. */
  benches: { state: number; scratch: number }[];
  hashScratch: number;
}

export interface Prepared extends WorkerPlan {
  program: Program;
  trace: Pick<TraceLayout, "addresses">;
}

/** Bytes of a worker's scratch for hashing: the hashes of a part's leaves, and a state of the hash function. */
const hashScratchBytes = 32 * partLeaves + 512;

/** Preparations take rows in slices of this many words. */
const sliceWords = 2 ** 20;

type Packs = Extract<Preparation, { kind: "pack" }>;

/** A multiple of four: panels hold four rows. */
const rowsAtOnce = ({ rows, k }: Packs) => Math.min(4 * Math.ceil(rows / 4), Math.max(4, 4 * Math.floor(sliceWords / k / 4)));

/** Packs a slice of a group's rows, from `row` on. */
function packSlice(memory: WebAssembly.Memory, kernels: Kernels, area: number, work: Packs, group: number, row: number): void {
  const { type, access, zero, rows, k } = work;
  const { panels, summary, panelBytes, summaryBytes } = work.packed;
  const count = Math.min(rowsAtOnce(work), rows - row);
  const zeros = area + 4 * k * rowsAtOnce(work);
  const words = new Uint32Array(memory.buffer, zeros, count).fill(0);
  if (zero !== null) kernels.fillRows(zero, zeros, group * rows + row, count, 0);
  // Absent elements count for nothing: less the zero point they are 0.
  kernels.fillRows(access, area, (group * rows + row) * k, count * k, words[0]!);
  const to = panels + group * panelBytes + row * rowBytes(type, k);
  const at = summary + group * summaryBytes + (type === "f32" ? 8 * row : 0);
  pack(kernels, { type, src: area, pitch: 4 * k, rows: count, k, zeros, panels: to, high: to + panelBytes / 2, summary: at });
}

function prepare(memory: WebAssembly.Memory, state: number, area: number, preparations: Preparation[]): void {
  const kernels = instantiateKernels(memory, state);
  for (const work of preparations) {
    if (work.kind === "widen") {
      kernels.fillRows(work.access, area, 0, work.k * work.lanes, 0);
      kernels.widenLanes(area, work.k, work.lanes, work.to);
      continue;
    }
    for (let group = 0; group < work.groups; group++) {
      for (let row = 0; row < work.rows; row += rowsAtOnce(work)) packSlice(memory, kernels, area, work, group, row);
    }
  }
}

/** A slice's rows, and a zero point for each. */
const preparationWords = (work: Preparation) => (work.kind === "widen" ? work.k * work.lanes : rowsAtOnce(work) * (work.k + 1));

function reserveLevels(layout: Layout, leaves: number): WorkerPlan["levels"] {
  const levels: WorkerPlan["levels"] = [];
  for (let nodes = Math.ceil(leaves / partLeaves); ; nodes = Math.ceil(nodes / 2)) {
    levels.push({ address: layout.reserve(32 * nodes), nodes });
    if (nodes === 1) return levels;
  }
}

export interface PrepareOptions {
  workers: number;
  /** Whether the trace shares memory between outputs, so that it may be larger than memory. */
  streamed: boolean;
}

interface LaidOut {
  layout: Layout;
  plan: Omit<Prepared, "memory">;
  preparations: Preparation[];
  /** Addresses of what the preparations work with. */
  area: number;
  state: number;
}

function layOut(program: Program, weights: Uint32Array, { workers, streamed }: PrepareOptions): LaidOut {
  checkProgram(program);
  if (weights.length !== program.weightLeaves * wordsPerLeaf) {
    throw new ProgramError(`${weights.length} words of weights; the program has ${program.weightLeaves} leaves of ${wordsPerLeaf} words`);
  }
  const { instructions } = program;
  const layout = new Layout();
  const control = layout.reserve(controlBytes(instructions.length));
  const weightBytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const weightBase = layout.place(weightBytes);
  const weightRegion = { base: weightBase, low: weightBase, high: weightBase + weightBytes.length };
  const trace = streamed ? streamedTrace(program, layout) : residentTrace(program, layout);
  const planned = instructions.map((instruction, i) => {
    const locate: Locate = (access, sizes) => (access.space === "weights" ? weightRegion : trace.locate(i, access, sizes));
    return planInstruction({ layout, locate, out: trace.addresses[i]!, weights }, instruction, i);
  });
  const preparations = planned.flatMap((plan) => plan.preparations);
  const scratchBytes = planned.reduce((most, plan) => Math.max(most, plan.scratchBytes), 0);
  const hashScratch = Math.ceil(scratchBytes / 64) * 64;
  const benches = Array.from({ length: workers }, () => ({
    state: layout.reserve(instanceBytes),
    scratch: layout.reserve(hashScratch + hashScratchBytes),
  }));
  const totalLeaves = traceLeaves(program);
  const levels = reserveLevels(layout, totalLeaves);
  const area = layout.reserve(preparations.reduce((most, work) => Math.max(most, 4 * preparationWords(work)), 0));
  const state = layout.reserve(instanceBytes);
  const leaves = instructions.map((instruction) => ({
    first: outputOffset(instruction) / wordsPerLeaf,
    count: outputLeaves(instruction),
  }));
  const { completedBy, hashedBefore } = trace;
  const tasks = planned.map(({ task }) => task);
  const plan = { control, tasks, leaves, completedBy, hashedBefore, totalLeaves, levels, benches, hashScratch, program, trace };
  return { layout, plan, preparations, area, state };
}

/**
 * Lays the evaluation out and takes no memory for it.
 * @throws as `prepareProgram`.
 */
export function checkFits(program: Program, weights: Uint32Array, options: PrepareOptions): void {
  layOut(program, weights, options);
}

/**
 * @param weights the words of the weight space, whole leaves.
 * @throws ProgramError where the program is not valid. @throws MemoryLimitError where it doesn't fit in 4 GiB.
 */
export function prepareProgram(program: Program, weights: Uint32Array, options: PrepareOptions): Prepared {
  const { layout, plan, preparations, area, state } = layOut(program, weights, options);
  const memory = layout.create();
  prepare(memory, state, area, preparations);
  return { memory, ...plan };
}

/** Levels of a part's own tree: fewer than `partDepth` only where the whole trace is one part. */
export function depthOfPart(totalLeaves: number): number {
  return totalLeaves > partLeaves ? partDepth : Math.ceil(Math.log2(totalLeaves));
}
