/** What an answer costs its operator, against what it brings: pure, so that it is decided the same way each time. */
import type { RequestParams } from "./job.ts";

export interface PricingRules {
  /** The fee in ETH must be at least so many times the gas of the answer; 0: gas is not counted. */
  feeOverCost: number;
  /** By fee token: its smallest unit for locking 10^18 of the stake token's smallest unit for a day; a token that isn't named has no such price. */
  bondDayFees: Readonly<Record<string, bigint>>;
}

/** What is known besides the request. */
export interface Circumstances {
  /** Wei per gas. */
  gasPrice: bigint;
  /** Of the answer, where it travels in the transaction; 0 where it isn't known. */
  outputBytes: number;
  protocolFeeBps: number;
  royaltyBps: number;
}

const ether = `0x${"0".repeat(40)}`;
/**
 * Gas of answering and finalizing one request by themselves, without the answer's bytes and the callback. A test holds it against what was
 * measured (snapshots/gas.json), with room for slots that are written for the first time.
 */
const answerGas = 115_000n;
/** EIP-7623's floor. */
const gasOfByte = 40n;
const day = 86_400n;
const whole = 10n ** 18n;

/** @returns gas that an operator pays for an answer: submitting it, and finalizing it with its callback. */
export function gasOfAnswer(callbackGasLimit: number, outputBytes: number): bigint {
  // A callback gets the bytes once more.
  const times = callbackGasLimit > 0 ? 2n : 1n;
  return answerGas + times * gasOfByte * BigInt(outputBytes) + BigInt(callbackGasLimit);
}

/** @returns why the fee is too small, with the numbers; null where it is not. */
export function reasonAgainst(params: RequestParams, around: Circumstances, rules: PricingRules): string | null {
  const { fee, feeToken, bond, challengeWindow, callbackGasLimit } = params;
  const rest = fee - (fee * BigInt(around.protocolFeeBps)) / 10_000n - (fee * BigInt(around.royaltyBps)) / 10_000n;
  const rate = rules.bondDayFees[feeToken] ?? 0n;
  const rent = (rate * bond * BigInt(challengeWindow)) / (whole * day);
  const gas = gasOfAnswer(callbackGasLimit, around.outputBytes);
  const cost = feeToken === ether ? (gas * around.gasPrice * BigInt(Math.round(rules.feeOverCost * 1000))) / 1000n : 0n;
  if (rest >= cost + rent) return null;
  const parts = [
    ...(cost === 0n ? [] : [`${gas} gas at ${around.gasPrice} wei, times scheduler.feeOverCost, is ${cost}`]),
    ...(rent === 0n ? [] : [`locking a bond of ${bond} for ${challengeWindow} s is ${rent} by scheduler.bondDayFees`]),
  ];
  return `the fee ${fee} leaves ${rest} after protocol fee and royalty: ${parts.join(", ")}`;
}
