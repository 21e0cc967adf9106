import assert from "node:assert/strict";
import { test } from "node:test";
import { Purse, type PurseOptions } from "../../../oracle/challenger/purse.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";

/** A purse with that many bonds, none on their way. */
function purseOf(bonds: bigint) {
  const options = {
    account: "0xa",
    parts: { stakeToken: "0xb", claims: "0xc" },
    parameters: { challengerBond: 10n },
    calls: {},
    claimCalls: {},
    views: {
      balanceOf: () => Promise.resolve(10n * bonds + 9n),
      allowance: () => Promise.resolve(10n),
      owed: () => Promise.resolve(0n),
      rewardOf: () => Promise.resolve(0n),
    },
    moves: { isLive: () => false, pending: () => 0 },
    log: createLog("silent"),
  };
  return new Purse(options as unknown as PurseOptions);
}
const head = (number: number) => ({ number, hash: `0x${number}`, time: 1000 + number });

test("A33 bonds go to those that ask first, and one is kept for a commitment that is not old enough yet", async () => {
  const purse = purseOf(2n);
  assert.equal(await purse.keep("large", head(1)), true);
  assert.equal(await purse.affords("middle", head(1)), true);
  assert.equal(await purse.affords("small", head(1)), false);
  // Whoever asks again in the same block gets the same answer.
  assert.equal(await purse.affords("large", head(1)), true);
  assert.equal(await purse.affords("small", head(1)), false);
  assert.equal(await purse.affords("small", head(2)), true);
});
