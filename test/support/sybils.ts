import { disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import { quantity } from "../../oracle/chain/rpc.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import { BogusChallenger, type RightAnswer } from "./bogusChallenger.ts";
import type { DisputeScene } from "./disputeScene.ts";
import { until } from "./until.ts";

/** What an operator has spent and won in disputes. */
export interface DefenceCost {
  /** Of all its transactions to the dispute contract. */
  gas: number;
  /** How often it made each move. */
  moves: Record<string, number>;
  /** In the stake token's smallest unit. */
  won: bigint;
}

/** What the figures in money assume; docs/dispute.md says how they scale. */
export const assumed = {
  /** Wei per gas. */
  gasPrice: 10n * 10n ** 9n,
  /** Wei per whole stake token of 18 decimals. */
  tokenPrice: 20n * 10n ** 15n,
};

/** @returns what a defence leaves to the operator under the assumptions, in wei. */
export const netOf = ({ gas, won }: DefenceCost): bigint => (won * assumed.tokenPrice) / 10n ** 18n - BigInt(gas) * assumed.gasPrice;

/** @returns the price of the stake token, in wei, at which the operator neither wins nor loses. */
export const breakEvenOf = ({ gas, won }: DefenceCost): bigint => (BigInt(gas) * assumed.gasPrice * 10n ** 18n) / won;

/** @returns `count` leaves of a trace, all the same, or spread over all of it so that the paths share as little as they can. */
export function sybilLeaves(count: number, leafCount: number, where: "together" | "apart"): number[] {
  return Array.from({ length: count }, (_, i) => (where === "together" ? 0 : Math.floor((i * leafCount) / count)));
}

/**
 * Has an operator's right answer challenged by many at once, all in parallel, each at another element.
 * @param requestId is answered already. @param leaves which leaf of the trace each challenger walks to. @returns what that cost the operator.
 */
export async function playSybils(
  scene: DisputeScene,
  about: RightAnswer,
  requestId: string,
  leaves: readonly number[],
): Promise<DefenceCost> {
  const { system, views, parameters } = scene;
  const { operator } = (await findRequest(system.chain, requestId)).answer!;
  const [{ number: from }, owed] = await Promise.all([system.chain.head(), views.owed(operator)]);
  const sybils = await Promise.all(
    leaves.map(async (_, element) => {
      const account = await scene.account(parameters.challengerBond, views.game);
      return BogusChallenger.commit(system, account, requestId, { tensor: 0, element });
    }),
  );
  await system.passTime(parameters.commitDelay + 1);
  await Promise.all(sybils.map((sybil) => sybil.open()));
  await Promise.all(sybils.map((sybil, i) => sybil.walk(about, { leaf: leaves[i]!, word: 0 })));
  await until("every dispute is closed", async () => (await scene.closed(requestId)).length === leaves.length);
  return { ...(await gasOf(scene, operator, from)), won: (await views.owed(operator)) - owed };
}

async function gasOf(
  { system: { chain }, views }: DisputeScene,
  account: string,
  from: number,
): Promise<Pick<DefenceCost, "gas" | "moves">> {
  const { number: to } = await chain.head();
  const numbers = Array.from({ length: to - from }, (_, i) => from + 1 + i);
  const blocks = (await chain.rpc.batch(numbers.map((one) => ({ method: "eth_getBlockByNumber", params: [quantity(one), true] })))) as {
    transactions: { hash: string; from: string; to: string; input: string }[];
  }[];
  const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();
  const own = blocks.flatMap(({ transactions }) => transactions).filter((one) => same(one.from, account) && same(one.to, views.game));
  const receipts = (await chain.rpc.batch(own.map(({ hash }) => ({ method: "eth_getTransactionReceipt", params: [hash] })))) as {
    gasUsed: string;
  }[];
  const moves: Record<string, number> = {};
  for (const { input } of own) {
    const { name } = disputeInterface.getFunction(input.slice(0, 10))!;
    moves[name] = (moves[name] ?? 0) + 1;
  }
  return { gas: receipts.reduce((sum, { gasUsed }) => sum + Number(gasUsed), 0), moves };
}
