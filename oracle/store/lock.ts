import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

export class LockError extends Error {
  override name = "LockError";
}

/**
 * Holds `path` for this process alone. The lock is the kernel's, on a file that SQLite keeps open: it ends with the process,
 * however the process ends, so there is nothing stale to clean up.
 * @param what is locked, for people: "data directory /x".
 * @throws LockError where another process holds it.
 */
export function acquireLock(path: string, what: string): { release(): void } {
  mkdirSync(dirname(path), { recursive: true });
  const holder = `${path}.pid`;
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    throw new LockError(`${what} is in use by another node (process ${processIn(holder)}); stop that one first`, { cause: error });
  }
  writeFileSync(holder, `${process.pid}\n`);
  return { release: () => db.close() };
}

function processIn(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    // The holder has the lock but hasn't written its number yet.
    return "unknown";
  }
}
