import { zeroPadValue, type Result } from "ethers";
import { operatorInterface } from "../chain/contracts.ts";
import { gasPrices } from "../chain/fees.ts";
import { reasonAgainst } from "../core/pricing.ts";
import type { Request } from "../core/job.ts";
import { elementCount, dtypes } from "../core/tensor.ts";
import { formatAmount } from "./amounts.ts";
import type { Chain } from "./chain.ts";
import { requireModel } from "./models.ts";

/** What a node that isn't told otherwise asks of a fee. */
const defaultPricing = { feeOverCost: 1, bondDayFees: {} };

export interface Doubt {
  about: "operators" | "fee";
  reason: string;
}

/** @returns the operators that serve a model now. */
async function operatorsOf(chain: Chain, modelId: string): Promise<string[]> {
  const { topicHash } = operatorInterface.getEvent("ServedModelSet")!;
  const serving = new Set<string>();
  for (const log of await chain.logs(chain.deployment.operatorRegistry, [topicHash, null, zeroPadValue(modelId, 32)])) {
    const { operator, served } = operatorInterface.parseLog(log)!.args as Result & { operator: string; served: boolean };
    if (served) serving.add(operator);
    else serving.delete(operator);
  }
  return [...serving];
}

async function doubtAboutOperators(chain: Chain, { params: { modelId, bond } }: Request): Promise<string | null> {
  const operators = await operatorsOf(chain, modelId);
  if (operators.length === 0) return `no operator serves model ${modelId}`;
  const stakes = await Promise.all(operators.map((operator) => chain.views.stakeOf(operator)));
  const largest = (amounts: bigint[]) => amounts.reduce((one, other) => (one > other ? one : other), 0n);
  const [stake, free] = [largest(stakes.map((one) => one.stake)), largest(stakes.map((one) => one.free))];
  if (bond <= free) return null;
  const unit = await chain.unitOf(await chain.views.stakeToken());
  const wanted = `the bond is ${formatAmount(bond, unit)}`;
  return bond > stake
    ? `${wanted}; no operator that serves the model has staked more than ${formatAmount(stake, unit)}`
    : `${wanted}; no operator that serves the model has more than ${formatAmount(free, unit)} free now`;
}

async function doubtAboutFee(chain: Chain, { params, protocolFeeBps }: Request): Promise<string | null> {
  const [{ base, tip }, model] = await Promise.all([gasPrices(chain.rpc), requireModel(chain, params.modelId)]);
  const outputBytes = model.outputs.reduce((sum, { dtype, shape }) => sum + elementCount(shape) * dtypes[dtype].size, 0);
  return reasonAgainst(params, { gasPrice: base + tip, outputBytes, protocolFeeBps, royaltyBps: model.royaltyBps }, defaultPricing);
}

/**
 * Why operators may decline a request, as far as the chain tells: who serves its model, what they have staked, and whether its fee pays for
 * the gas of an answer by a node's default settings. An operator may have settings of its own.
 * @returns at most one doubt of each kind; empty where nothing speaks against it.
 */
export async function doubtsAbout(chain: Chain, request: Request): Promise<Doubt[]> {
  const [operators, fee] = await Promise.all([doubtAboutOperators(chain, request), doubtAboutFee(chain, request)]);
  return [
    { about: "operators" as const, reason: operators },
    { about: "fee" as const, reason: fee },
  ].filter((doubt): doubt is Doubt => doubt.reason !== null);
}
