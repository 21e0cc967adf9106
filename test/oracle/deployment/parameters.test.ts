import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import json5 from "json5";
import { maxDuration } from "../../../oracle/core/dispute/game.ts";

for (const network of ["localhost", "sepolia"]) {
  test(`A06 on ${network}, a bond can't leave while it may still be lost`, () => {
    const text = readFileSync(new URL(`../../../ignition/parameters/${network}.json5`, import.meta.url), "utf8");
    const [parameters] = Object.values(json5.parse<Record<string, Record<string, number>>>(text));
    const { clock, moveTime, grace, maxGrace, disputeBound, unbondingPeriod, maxChallengeWindow } = parameters as Record<string, number>;
    const longest = maxDuration({ clock: clock!, moveTime: moveTime!, grace: grace!, maxGrace: maxGrace! });
    assert.ok(longest <= disputeBound!, `a dispute may take ${longest} s`);
    assert.ok(unbondingPeriod! > maxChallengeWindow! + disputeBound!);
  });
}
