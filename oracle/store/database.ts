import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { migrations } from "./migrations.ts";

export class StoreError extends Error {
  override name = "StoreError";
}

type Row = Record<string, unknown>;

const rebuilt = "move it away and start again: it is rebuilt from the chain";
const advices: Record<number, string> = {
  5: "another program uses it; stop that one first",
  8: "make it writable for this user",
  10: `check the disk and its free space; where the disk is well, ${rebuilt}`,
  11: rebuilt,
  13: "free some space, then start again",
  14: "check the path, its permissions and the free space",
  26: rebuilt,
};

/** @returns what a fault of the disk, or of a file on it, means to people; `error` itself where it is something else. */
export function storeFault(path: string, error: unknown): unknown {
  const { code, errcode, message } = error as { code?: string; errcode?: number; message: string };
  if (["ENOSPC", "EDQUOT", "EFBIG", "EIO"].includes(code ?? "")) {
    return new StoreError(`${path} can't be written (${message}); free some space, then start again`, { cause: error });
  }
  const advice = code === "ERR_SQLITE_ERROR" ? advices[(errcode ?? 0) & 0xff] : undefined;
  return advice === undefined ? error : new StoreError(`the job store ${path} can't be used (${message}); ${advice}`, { cause: error });
}

/** One SQLite file; every statement is prepared once. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  /**
   * Opens (or makes) the file and brings its schema up to date.
   * @throws StoreError where the file is damaged or was written by a newer version, or the disk is full.
   */
  constructor(path: string) {
    this.#path = path;
    this.#db = this.#guarded(() => new DatabaseSync(path));
    try {
      this.#guarded(() => {
        this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000");
        const damage = this.#db.prepare("PRAGMA quick_check(1)").get() as Row;
        if (damage.quick_check !== "ok") {
          throw new StoreError(`the job store ${path} is damaged (${String(damage.quick_check)}); ${rebuilt}`);
        }
      });
      this.#migrate(path);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** @throws StoreError in place of what the disk made fail. */
  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeFault(this.#path, error);
    }
  }

  #migrate(path: string): void {
    const { user_version: version } = this.#db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (version > migrations.length) {
      throw new StoreError(
        `the job store ${path} has schema ${version}, this program knows up to ${migrations.length}: run the newer program that wrote it`,
      );
    }
    for (let i = version; i < migrations.length; i++) {
      this.transaction(() => this.#guarded(() => this.#db.exec(`${migrations[i]!}; PRAGMA user_version = ${i + 1}`)));
    }
  }

  /**
   * Like `transaction`, and on the disk when it returns: it and all before it outlive a power cut.
   * Without this, a transaction outlives the process, not the machine.
   */
  durableTransaction<T>(work: () => T): T {
    if (this.#depth > 0) throw new StoreError("a transaction inside another one can't be durable by itself");
    this.#db.exec("PRAGMA synchronous = FULL");
    try {
      return this.transaction(work);
    } finally {
      this.#db.exec("PRAGMA synchronous = NORMAL");
    }
  }

  /** Runs `work` in one transaction: all of it happens, or none. Calls inside another one join it. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#guarded(() => this.#db.exec("BEGIN IMMEDIATE"));
    this.#depth++;
    try {
      const result = work();
      this.#guarded(() => this.#db.exec("COMMIT"));
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /** @returns the number of rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guarded(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /** @returns the row id of the inserted row. */
  insert(sql: string, ...values: SQLInputValue[]): number {
    return this.#guarded(() => Number(this.#prepare(sql).run(...values).lastInsertRowid));
  }

  get<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#guarded(() => this.#prepare(sql).get(...values) as T | undefined);
  }

  all<T>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#guarded(() => this.#prepare(sql).all(...values) as T[]);
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}
