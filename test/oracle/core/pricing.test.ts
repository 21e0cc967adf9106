import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { RequestParams } from "../../../oracle/core/job.ts";
import { gasOfAnswer, reasonAgainst, type Circumstances, type PricingRules } from "../../../oracle/core/pricing.ts";

const ether = `0x${"0".repeat(40)}`;
const token = `0x${"11".repeat(20)}`;
const gwei = 10n ** 9n;
const params: RequestParams = {
  modelId: `0x${"22".repeat(32)}`,
  feeToken: ether,
  fee: 10n ** 15n,
  bond: 10n ** 18n,
  submitPeriod: 60,
  challengeWindow: 86_400,
  callbackGasLimit: 0,
  transport: 0,
};
const around: Circumstances = { gasPrice: 2n * gwei, outputBytes: 100, protocolFeeBps: 0, royaltyBps: 0 };
const rules: PricingRules = { feeOverCost: 1, bondDayFees: { [ether]: 10n ** 12n } };
const against = (changes: Partial<RequestParams>, with_: Partial<Circumstances> = {}, by: Partial<PricingRules> = {}) =>
  reasonAgainst({ ...params, ...changes }, { ...around, ...with_ }, { ...rules, ...by });

/** The least fee for the answer above: 119,000 gas and one token-day. */
const least = 119_000n * 2n * gwei + 10n ** 12n;

test("N26 a fee below the gas of its answer at today's price is declined, one that covers it is not", () => {
  assert.equal(against({ fee: least }), null);
  assert.match(
    against({ fee: least - 1n })!,
    /^the fee 238999999999999 leaves 238999999999999 after .*: 119000 gas at 2000000000 wei, .* is 238000000000000, locking a bond of 10{18} for 86400 s is 10{12} by scheduler.bondDayFees$/,
  );
  assert.notEqual(against({ fee: least }, { gasPrice: 2n * gwei + 1n }), null);
  assert.equal(against({ fee: least }, { gasPrice: 100n * gwei }, { feeOverCost: 0 }), null);
  assert.notEqual(against({ fee: 2n * least }, {}, { feeOverCost: 2.1 }), null);
});

test("A45 what an answer takes is what was measured, and no more than a fifth above it", () => {
  const url = new URL("../../../snapshots/gas.json", import.meta.url);
  const { submit, finalize } = JSON.parse(readFileSync(url, "utf8")) as Record<"submit" | "finalize", number>;
  // The answer that was measured: 64 words, a dtype, a rank, a dimension and a count. Its callback, of a few thousand gas, comes on top.
  const [measured, counted] = [submit + finalize, Number(gasOfAnswer(0, 64 * 4 + 7))];
  assert.ok(counted >= measured, `an answer takes ${measured} gas and is counted as ${counted}: raise answerGas`);
  assert.ok(counted <= 1.2 * measured, `an answer takes ${measured} gas and is counted as ${counted}: lower answerGas`);
});

test("A45 the callback's gas, and the answer's bytes that it gets, are part of the cost", () => {
  assert.equal(gasOfAnswer(0, 100), 119_000n);
  assert.equal(gasOfAnswer(1_000_000, 100), 1_123_000n);
  assert.notEqual(against({ fee: least, callbackGasLimit: 1 }), null);
  const callback = 2n * gwei * (1_000_000n + 4_000n);
  assert.equal(against({ fee: least + callback, callbackGasLimit: 1_000_000 }), null);
  assert.notEqual(against({ fee: least + callback - 1n, callbackGasLimit: 1_000_000 }), null);
});

test("what protocol and author take does not pay for anything", () => {
  assert.equal(against({ fee: 2n * least }, { protocolFeeBps: 2500, royaltyBps: 2500 }), null);
  assert.notEqual(against({ fee: 2n * least }, { protocolFeeBps: 2500, royaltyBps: 2501 }), null);
});

test("A37 a bond is priced by its size and the time that it is locked", () => {
  const free = { gasPrice: 0n };
  assert.equal(against({ fee: 10n ** 12n }, free), null);
  assert.notEqual(against({ fee: 10n ** 12n - 1n }, free), null);
  assert.notEqual(against({ fee: 10n ** 12n, bond: 2n * 10n ** 18n }, free), null);
  assert.notEqual(against({ fee: 10n ** 12n, challengeWindow: 86_500 }, free), null);
  const bondDayFees = { [token]: 500n };
  assert.equal(against({ feeToken: token, fee: 500n }, {}, { bondDayFees }), null, "gas has no price in a token");
  assert.match(against({ feeToken: token, fee: 499n }, {}, { bondDayFees })!, /locking a bond/);
  assert.equal(against({ feeToken: token, fee: 0n }), null, "a token that isn't named isn't priced by time");
});
