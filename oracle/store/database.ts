import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { migrations } from "./migrations.ts";

export class StoreError extends Error {
  override name = "StoreError";
}

type Row = Record<string, unknown>;

/** One SQLite file; every statement is prepared once. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  /**
   * Opens (or makes) the file and brings its schema up to date.
   * @throws StoreError where the file is damaged or was written by a newer version.
   */
  constructor(path: string) {
    try {
      this.#db = new DatabaseSync(path);
      this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000");
      const damage = this.#db.prepare("PRAGMA quick_check(1)").get() as Row;
      if (damage.quick_check !== "ok") throw new StoreError(String(damage.quick_check));
    } catch (error) {
      throw new StoreError(
        `the job store ${path} can't be read (${(error as Error).message}); move it away and start again: it is rebuilt from the chain`,
        { cause: error },
      );
    }
    this.#migrate(path);
  }

  #migrate(path: string): void {
    const { user_version: version } = this.#db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (version > migrations.length) {
      throw new StoreError(
        `the job store ${path} has schema ${version}, this program knows up to ${migrations.length}: run the newer program that wrote it`,
      );
    }
    for (let i = version; i < migrations.length; i++) {
      this.transaction(() => this.#db.exec(`${migrations[i]!}; PRAGMA user_version = ${i + 1}`));
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
    this.#db.exec("BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const result = work();
      this.#db.exec("COMMIT");
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
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** @returns the row id of the inserted row. */
  insert(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).lastInsertRowid);
  }

  get<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#prepare(sql).get(...values) as T | undefined;
  }

  all<T>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#prepare(sql).all(...values) as T[];
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
