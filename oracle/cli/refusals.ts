import { Interface, type ErrorDescription } from "ethers";
import {
  claimsAbi,
  disputeGameAbi,
  inferenceCoordinatorAbi,
  modelRegistryAbi,
  operatorRegistryAbi,
  publicationsAbi,
} from "../chain/abi.ts";
import { timeText } from "./amounts.ts";

const errors = new Interface([
  ...[inferenceCoordinatorAbi, operatorRegistryAbi, modelRegistryAbi, disputeGameAbi, claimsAbi, publicationsAbi].flatMap((abi) =>
    abi.filter((fragment) => fragment.startsWith("error ")),
  ),
  "error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)",
  "error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)",
  "error AccessManagedUnauthorized(address caller)",
]);

const statusNames = ["NONE", "REQUESTED", "EXPIRED", "SUBMITTED", "SUSPENDED", "FINALIZABLE", "FINALIZED", "REFUNDED"];
const status = (value: unknown) => statusNames[Number(value)] ?? String(value);

/** What a person can do about a refusal, by the error of the contract; the others are told by name and values. */
const advice: Record<string, (...args: unknown[]) => string> = {
  UnexpectedStatus: (id, expected, actual) =>
    `request ${id} is ${status(actual)}, this needs ${status(expected)}; look with \`assay request show ${id}\``,
  NotEligible: (_, operator, at) => `operator ${operator} may answer from ${timeText(Number(at))} on; wait until then`,
  NotServing: (operator, model) => `operator ${operator} doesn't serve model ${model}; say so first with \`assay operator serve ${model}\``,
  InsufficientFreeStake: (operator, free, needed) =>
    `operator ${operator} has ${free} free stake, this needs ${needed} (smallest unit); stake more with \`assay operator stake\` or wait for its answers to become final`,
  WrongValue: (expected, sent) => `${sent} wei were sent, exactly ${expected} wei are asked for`,
  FeeTokenNotAllowed: (token) => `${token} is no fee token here; pay in ETH or in an allowed token`,
  NewRequestsPaused: () => "new requests are paused by the guardian; try again later",
  BondOutOfRange: (bond, least, most) => `a bond of ${bond} is outside ${least} to ${most} (smallest unit); change --bond`,
  TransportMismatch: (id) => `request ${id} says how its answer's bytes travel, and this is not the way; look with \`assay request show\``,
  NotPublishable: (id, _, size, maximum) => `model ${id} has ${size} bytes that might have to be published, at most ${maximum} can be`,
  OperatorStillBonding: (_, at, block) => `the stake can be activated from block ${at} on, it is ${block}; wait until then`,
  OperatorNothingToActivate: (operator) => `nothing of ${operator}'s stake waits to be activated`,
  ChallengeWindowOutOfRange: (window, least, most) => `a challenge window of ${window} s is outside ${least} to ${most} s; change --window`,
  SubmitPeriodOutOfRange: (period, least, most) =>
    `a submit period of ${period} s is outside ${least} to ${most} s; change --submit-period`,
  InlineBytesTooLong: (length, maximum) =>
    `${length} bytes of tensors don't fit in a transaction (at most ${maximum}); put them behind --uri`,
  NothingOwed: (account, token) => `${account} is owed nothing in ${token}`,
  ModelUnknown: (id) => `model ${id} is not registered here; register it with \`assay model register\``,
  OperatorModelUnknown: (id) => `model ${id} is not registered here; register it with \`assay model register\``,
  ModelAlreadyRegistered: (id) => `this very record is registered already as ${id}; use that`,
  ModelRoyaltyTooHigh: (bps, maximum) =>
    `a royalty of ${Number(bps) / 100} % is above the highest of ${Number(maximum) / 100} %; lower --royalty`,
  OperatorNotRegistered: (operator) => `${operator} is no operator; register it first with \`assay operator register\``,
  OperatorNothingToWithdraw: (operator) => `nothing of ${operator}'s stake is unbonding; start with \`assay operator unstake\``,
  OperatorStillUnbonding: (_, at) => `the stake can be withdrawn from ${timeText(Number(at))} on; wait until then`,
  OperatorAmountZero: () => "the amount is zero; write a larger one",
  ERC20InsufficientBalance: (sender, balance, needed) => `${sender} has ${balance} of the token, this needs ${needed} (smallest unit)`,
};

/** Where providers put the bytes with which a contract refused. */
function revertData(data: unknown): string | undefined {
  if (typeof data === "string") return /0x[0-9a-fA-F]*/.exec(data)?.[0];
  if (typeof data === "object" && data !== null && "data" in data) return revertData(data.data);
  return undefined;
}

/**
 * @param data of a provider's error.
 * @returns what the contract said, or undefined where it isn't one of Assay's errors.
 */
export function refusalText(data: unknown): string | undefined {
  const bytes = revertData(data);
  if (bytes === undefined || bytes.length < 10) return undefined;
  let found: ErrorDescription | null;
  try {
    found = errors.parseError(bytes);
  } catch {
    // Four bytes that happen to be known, with arguments that aren't: not ours.
    return undefined;
  }
  if (found === null) return undefined;
  const known = advice[found.name];
  if (known !== undefined) return known(...(found.args.toArray() as unknown[]));
  const values = found.fragment.inputs.map(({ name }, i) => `${name} ${String(found.args[i])}`).join(", ");
  return `${found.name}${values === "" ? "" : ` (${values})`}`;
}
