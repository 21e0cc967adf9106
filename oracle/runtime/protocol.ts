/** What a runtime and its child processes say to each other. */
import type { Dtype, Tensor } from "../core/tensor.ts";

/**
 * Who is at fault: the model or its input, so that another try would end the same (`declined` by ONNX Runtime or a limit, `timeout`,
 * `invalid` before it ran), the process that ran it and nothing else (`crashed`), so that another try may succeed, or neither
 * (`unavailable`: the process was killed from outside or did not start, a file was damaged), so that nothing is known against it.
 */
export type FaultKind = "declined" | "crashed" | "timeout" | "invalid" | "unavailable";

export interface TensorInfo {
  name: string;
  dtype: Dtype;
  /** A string is a dimension that the model leaves open. */
  shape: (number | string)[];
}

export interface ArtifactFile {
  /** keccak-256 of the file, 0x and 64 lower-case digits. */
  hash: string;
  path: string;
}

export interface Loaded {
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  /** The execution provider that will run it. */
  provider: string;
}

export interface Ran {
  outputs: Tensor[];
  provider: string;
  /** Of the inference alone, without loading and transport. */
  milliseconds: number;
}

/** How a child is configured; passed as its only argument, in JSON. */
export interface ChildOptions {
  /** In the order in which they are tried. */
  providers: string[];
  /** Threads within one operator. */
  threads: number;
  /** Models kept loaded; the least recently used is released first. */
  maxModels: number;
  /** Resident memory at which the child ends itself. */
  memoryLimitBytes: number;
}

export type Command =
  | { type: "probe"; id: number; provider: string }
  | { type: "load"; id: number; artifact: ArtifactFile }
  | { type: "run"; id: number; artifact: ArtifactFile; inputs: Tensor[] };

/** `loading` and `loaded` come in the middle of a command: loading has a deadline of its own. */
export type Reply =
  | { type: "ready" }
  | { type: "loading"; id: number }
  | { type: "loaded"; id: number; loaded: Loaded; notice?: string | undefined }
  | { type: "notice"; id: number; notice: string }
  | { type: "done"; id: number; value: Loaded | Ran | null }
  | { type: "failed"; id: number; kind: FaultKind; message: string };

/** What the child writes to its standard error before it ends itself for using too much memory. */
export const memoryLimitMark = "assay: memory limit reached";
