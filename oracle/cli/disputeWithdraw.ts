import { getAddress, isAddress } from "ethers";
import type { Command } from "commander";
import type { ContractCall } from "../chain/contracts.ts";
import { DisputeCalls } from "../chain/disputeCalls.ts";
import { formatAmount } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { earnedInDisputes } from "./disputes.ts";
import { CliError } from "./exitCodes.ts";
import { runs, type Terminal } from "./verb.ts";

interface Payment {
  /** bonds: what the dispute contract owes. rewards: parts of convicted operators' bonds. */
  what: "bonds" | "rewards";
  amount: bigint;
  transaction: string;
  gasUsed: bigint;
}

export function addDisputeWithdraw(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("withdraw")
      .description(
        "Pay out what disputes have brought the signing account: bonds that came back or were won, and rewards for convictions. Stop a node or watchtower of the same account before.",
      )
      .option("--to <address>", "who receives it (default: the signing account)"),
    { signs: true },
  );
  const examples = [
    "dispute withdraw --account challenger",
    "dispute withdraw --account challenger --to 0x90F79bf6EB2c4f870365E785982E1f101E93b906",
  ];
  runs<ChainOptions & { to?: string }>(command, terminal, examples, ({ options, terminal: { signal } }) =>
    withSigner(options, async (chain, signer) => {
      if (options.to !== undefined && !isAddress(options.to)) throw new CliError("usage", `--to ${options.to} is no address`);
      const to = getAddress(options.to ?? signer.address);
      const { owedByDisputes, rewards } = await earnedInDisputes(chain, signer.address);
      const withdrawn: Payment[] = [];
      const pay = async (what: Payment["what"], amount: bigint, call: ContractCall) => {
        if (amount === 0n) return;
        const { hash, gasUsed } = await chain.send(signer, call, signal);
        withdrawn.push({ what, amount, transaction: hash, gasUsed });
      };
      await pay("bonds", owedByDisputes, new DisputeCalls(chain.deployment).withdraw(to));
      await pay("rewards", rewards, chain.calls.claimReward(to));
      if (withdrawn.length === 0)
        throw new CliError("refused", `disputes owe ${signer.address} nothing; bonds of open ones stay with the dispute`);
      const unit = await chain.unitOf(chain.deployment.stakeToken);
      return {
        json: { account: signer.address, to, withdrawn },
        text: withdrawn
          .map(
            ({ what, amount, transaction, gasUsed }) =>
              `${what}: ${formatAmount(amount, unit)} to ${to}, transaction ${transaction} (${gasUsed} gas)\n`,
          )
          .join(""),
      };
    }),
  );
}
