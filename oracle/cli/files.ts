import { readFile } from "node:fs/promises";
import { CliError } from "./exitCodes.ts";

const reasons: Record<string, string> = {
  ENOENT: "does not exist; check the path",
  EACCES: "may not be read by this user; check its permissions",
  EISDIR: "is a directory; name a file",
  ENOTDIR: "can't exist: a part of this path is no directory",
};

/** Reads a file that a person named. @throws CliError bad-input where it can't be read. */
export async function readNamedFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError("bad-input", `${path} ${reasons[code ?? ""] ?? `can't be read: ${message}`}`, error);
  }
}
