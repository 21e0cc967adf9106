import assert from "node:assert/strict";
import { test } from "node:test";
import { abiIsCurrent } from "../../../scripts/abi.ts";

test("the node's ABI is that of the compiled contracts", async () => {
  assert.ok(await abiIsCurrent(), "oracle/chain/abi.ts is out of date: run `npm run abi`");
});
