import { zeroPadValue, type Result } from "ethers";
import type { Command } from "commander";
import { operatorInterface } from "../chain/contracts.ts";
import { ether, formatAmount, timeText } from "./amounts.ts";
import { addressNamed, chainOptions, signerOf, withChain, type Chain, type ChainOptions } from "./chain.ts";
import { earnedInDisputes } from "./disputes.ts";
import { CliError } from "./exitCodes.ts";
import { runs, table, type Terminal } from "./verb.ts";

/** @returns the models that an operator serves, in the order in which it said so. */
async function servedModels(chain: Chain, operator: string): Promise<string[]> {
  const event = operatorInterface.getEvent("ServedModelSet")!;
  const served = new Set<string>();
  for (const log of await chain.logs(chain.deployment.operatorRegistry, [event.topicHash, zeroPadValue(operator, 32)])) {
    const { modelId, served: on } = operatorInterface.parseLog(log)!.args as Result & { modelId: string; served: boolean };
    if (on) served.add(modelId);
    else served.delete(modelId);
  }
  return [...served];
}

export function addOperatorStatus(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("status")
      .description("Show an operator's stake, bonds, served models and earnings.")
      .argument("[operator]", "address, or an account's name (default: the signing account)"),
    { signs: true },
  );
  const examples = ["operator status operator", "operator status 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC --json"];
  runs<ChainOptions, [string | undefined]>(command, terminal, examples, ({ options }, text) =>
    withChain(options, async (chain) => {
      const address = text === undefined ? (await signerOf(options, chain.deployment)).address : addressNamed(text, options, chain);
      const account = await chain.views.operator(address);
      if (!account.registered) {
        throw new CliError("not-found", `${address} is no operator here; register it with \`assay operator register\``);
      }
      const token = await chain.views.stakeToken();
      const unit = await chain.unitOf(token);
      const [models, earned, owed, balance, tokens] = await Promise.all([
        servedModels(chain, address),
        earnedInDisputes(chain, address),
        chain.views.owed(address, `0x${"0".repeat(40)}`),
        chain.balanceOf(address, `0x${"0".repeat(40)}`),
        chain.balanceOf(address, token),
      ]);
      const free = account.stake - account.locked - account.unbonding;
      return {
        json: {
          operator: address,
          ...account,
          free,
          models,
          owedEth: owed,
          ...earned,
          balanceEth: balance,
          balanceStakeToken: tokens,
          stakeToken: token,
        },
        text: table([
          ["operator", address],
          ["endpoint", account.endpoint || "none"],
          ["stake", formatAmount(account.stake, unit)],
          ["locked", `${formatAmount(account.locked, unit)} behind answers that are not final`],
          ["free", formatAmount(free, unit)],
          [
            "unbonding",
            account.unbonding === 0n ? "none" : `${formatAmount(account.unbonding, unit)}, from ${timeText(account.unbondsAt)} on`,
          ],
          ["owed", `${formatAmount(owed, ether)} (take it with \`assay operator withdraw\`)`],
          ["disputes paid", `${formatAmount(earned.owedByDisputes + earned.rewards, unit)} (take it with \`assay dispute withdraw\`)`],
          ["account", `${formatAmount(balance, ether)}, ${formatAmount(tokens, unit)}`],
          ["serves", models.length === 0 ? "no model" : models],
        ]),
      };
    }),
  );
}
