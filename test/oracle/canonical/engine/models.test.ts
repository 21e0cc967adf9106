import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "node:test";
import { modelNames, rootOf } from "./models.ts";

test("every example's trace root is the same with 1, 2 and 4 workers, streamed, and in a fresh process", async () => {
  const script = fileURLToPath(new URL("./models.ts", import.meta.url));
  const fresh = JSON.parse((await promisify(execFile)(process.execPath, [script])).stdout) as Record<string, string>;
  assert.deepEqual(Object.keys(fresh), modelNames);
  for (const name of modelNames) {
    for (const options of [{ workers: 1 }, { workers: 4 }, { workers: 2, streamed: true }]) {
      assert.equal(await rootOf(name, options), fresh[name], `${name} ${JSON.stringify(options)}`);
    }
  }
});
