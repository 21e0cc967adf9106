import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreError, storeFault } from "./database.ts";

export class LockError extends Error {
  override name = "LockError";
}

/**
 * Holds `path` for this process alone. The lock is the kernel's, on a file that SQLite keeps open: it ends with the process,
 * however the process ends, so there is nothing stale to clean up.
 * @param what is locked, for people: "data directory /x".
 * @throws LockError where another process holds it. @throws StoreError where the disk is full or the file is damaged.
 */
export function acquireLock(path: string, what: string): { release(): void } {
  const holder = `${path}.pid`;
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    db = new DatabaseSync(path);
    db.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    writeFileSync(holder, `${process.pid}\n`);
  } catch (error) {
    db?.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === busy) {
      throw new LockError(`${what} is in use by another node (process ${processIn(holder)}); stop that one first`, { cause: error });
    }
    throw lockFault(path, error);
  }
  const lock = db;
  return { release: () => lock.close() };
}

/** SQLite's code for a file that another process has locked. */
const busy = 5;
const notADatabase = 26;

/** A lock holds nothing, so that a damaged one can go. */
function lockFault(path: string, error: unknown): unknown {
  const damaged = [11, notADatabase].includes(((error as { errcode?: number }).errcode ?? 0) % 256);
  if (damaged) return new StoreError(`the lock ${path} is damaged; remove it and start again`, { cause: error });
  return storeFault(path, error);
}

function processIn(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    // The holder has the lock but hasn't written its number yet.
    return "unknown";
  }
}
