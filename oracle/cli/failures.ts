import { CliError, type Failure } from "./exitCodes.ts";

/** What other rooms throw, by the name of the error, and how a verb ends because of it. Their messages are already for people. */
const failureOf: Record<string, Failure> = {
  TensorError: "bad-input",
  OnnxError: "bad-input",
  ConfigError: "bad-input",
  KeyError: "bad-input",
  NodeError: "bad-input",
  StoreError: "storage",
  RuntimeError: "bad-input",
  ContentError: "content-unavailable",
  ContentMismatchError: "content-unavailable",
  ChainUnavailableError: "chain-unreachable",
  LockError: "in-use",
};

/** @returns how a verb ends that threw `error`, with one line for people. */
export function explain(error: unknown): { failure: Failure; message: string } {
  if (error instanceof CliError) return { failure: error.failure, message: oneLine(error.message) };
  if (error instanceof Error) {
    const failure = failureOf[error.name];
    if (failure !== undefined) return { failure, message: oneLine(error.message) };
    const { path, code } = error as NodeJS.ErrnoException;
    if (["ENOSPC", "EDQUOT", "EFBIG", "EIO"].includes(code ?? "")) {
      return { failure: "storage", message: `${oneLine(error.message)}; free some space, then start again` };
    }
    if (path !== undefined && ["EACCES", "EPERM", "ENOENT", "EROFS", "ENOTDIR"].includes(code ?? "")) {
      return { failure: "bad-input", message: `${error.message}; check the path, its permissions and the free space` };
    }
  }
  return { failure: "unexpected", message: `unexpected: ${oneLine(String(error))}; run again with ASSAY_LOG_LEVEL=debug and report it` };
}

const oneLine = (text: string) => text.replace(/\s*\n\s*/g, " ").trim();
