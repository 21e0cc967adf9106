import assert from "node:assert/strict";
import { test } from "node:test";
import { acquittalOf, penaltyOf, poolSharesOf } from "../../../oracle/core/dispute/exits.ts";
import { equalSplit, pooled, winnerTakesHalf } from "../../../scripts/exits/rules.ts";
import { bond } from "../../../scripts/exits/search.ts";
import { schedules, type Summary, summarise } from "../../../scripts/exits/summary.ts";

const least = ({ lossDisputed, lossLate, rewardDisputed, rewardFrontRun }: Summary): (string | undefined)[] =>
  [lossDisputed, lossLate, rewardDisputed, rewardFrontRun].map((value) => value?.share);

for (const requesterIsFriend of [false, true]) {
  test(`A32 a lie costs half its bond in every order of moves${requesterIsFriend ? ", also where the requester is a friend" : ""}`, () => {
    for (const friends of [0, 1, 2, 3]) {
      const summary = summarise(pooled, friends, requesterIsFriend, schedules.small);
      assert.ok(summary.lossDisputed!.value >= bond / 2n, `${friends} friends, disputed: ${summary.lossDisputed!.moves.join(", ")}`);
      assert.ok(summary.lossLate!.value >= bond / 2n, `${friends} friends, late: ${summary.lossLate!.moves.join(", ")}`);
      assert.equal(summary.standing, 0, "a watched lie never stands");
    }
  });
}

test("A32 an honest challenger gets half of a sole conviction's reward against two friends, also where they move first", () => {
  const alone = summarise(pooled, 0, false, schedules.small).rewardDisputed!.value;
  assert.equal(alone, bond / 4n);
  for (const requesterIsFriend of [false, true]) {
    for (const friends of [1, 2]) {
      const { rewardDisputed, rewardFrontRun } = summarise(pooled, friends, requesterIsFriend, schedules.small);
      assert.ok(rewardDisputed!.value >= alone / 2n, `${friends} friends: ${rewardDisputed!.moves.join(", ")}`);
      assert.ok(rewardFrontRun!.value >= alone / 2n, `${friends} friends, first: ${rewardFrontRun!.moves.join(", ")}`);
    }
  }
});

test("A32 the search finds what is wrong with a reward for the winner alone, and with an equal split", () => {
  assert.deepEqual(least(summarise(winnerTakesHalf, 2, false, schedules.small)), ["B/4", "B/100", "0", "0"]);
  assert.deepEqual(least(summarise(equalSplit, 2, false, schedules.small)), ["B/3", "B/4", "B/12", "0"]);
  assert.deepEqual(least(summarise(pooled, 2, false, schedules.small)), ["5B/8", "B/2", "B/8", "B/8"]);
});

test("A32 the parts of a penalty and of its pool add up to the last unit, and the bounds survive the rounding", () => {
  for (let bond = 0n; bond < 3_000n; bond++) {
    for (const exit of ["early", "retracted", "convicted"] as const) {
      const { slashed, pool, burned } = penaltyOf(exit, bond);
      assert.equal(pool + burned, slashed);
      assert.ok(slashed <= bond);
      if (exit === "early") continue;
      assert.ok(burned >= bond / 2n);
      for (let claimants = 0n; claimants < 7n; claimants++) {
        const { claimant, requester } = poolSharesOf(bond, claimants);
        assert.equal(claimants * claimant + requester, pool);
        assert.ok(claimant <= bond / 4n && requester >= 0n);
        if (claimants === 3n) assert.equal(claimant, bond / 8n);
      }
    }
    const { operator, burned } = acquittalOf(bond);
    assert.equal(operator + burned, bond);
    assert.ok(burned * 10n >= bond && operator >= (bond * 9n) / 10n);
  }
});
