import { randomBytes } from "node:crypto";
import type { Database } from "./database.ts";
import { StoreError } from "./database.ts";

/** @returns 32 random bytes that stay the same as long as the store is kept. */
export function secretOf(db: Database, name: string): Uint8Array {
  const { value } = db.transaction(() => {
    db.run("INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)", name, randomBytes(32).toString("hex"));
    return db.get<{ value: string }>("SELECT value FROM facts WHERE name = ?", name)!;
  });
  return Uint8Array.from(Buffer.from(value, "hex"));
}

/** Ties the store to one chain, one coordinator and one operator, for ever. @throws StoreError where it belongs to others. */
export function claimStore(db: Database, identity: Record<string, string>): void {
  db.transaction(() => {
    for (const [name, value] of Object.entries(identity)) {
      const stored = db.get<{ value: string }>("SELECT value FROM facts WHERE name = ?", name)?.value;
      if (stored === undefined) db.run("INSERT INTO facts (name, value) VALUES (?, ?)", name, value);
      else if (stored !== value) {
        throw new StoreError(`the job store belongs to ${name} ${stored}, not ${value}: use another data directory for this one`);
      }
    }
  });
}
