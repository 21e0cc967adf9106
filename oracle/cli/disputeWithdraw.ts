import type { Command } from "commander";
import type { ContractCall } from "../chain/contracts.ts";
import { ClaimCalls, DisputeCalls } from "../chain/disputeCalls.ts";
import { DisputeViews } from "../chain/disputeViews.ts";
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
      ),
    { signs: true },
  );
  const examples = ["dispute withdraw --account challenger"];
  runs<ChainOptions>(command, terminal, examples, ({ options, terminal: { signal } }) =>
    withSigner(options, async (chain, signer) => {
      const { owedByDisputes, rewards } = await earnedInDisputes(chain, signer.address);
      const { claims } = await new DisputeViews(chain.rpc, chain.deployment.disputeGame).parts();
      const withdrawn: Payment[] = [];
      const pay = async (what: Payment["what"], amount: bigint, call: ContractCall) => {
        if (amount === 0n) return;
        const { hash, gasUsed } = await chain.send(signer, call, signal);
        withdrawn.push({ what, amount, transaction: hash, gasUsed });
      };
      await pay("bonds", owedByDisputes, new DisputeCalls(chain.deployment).withdraw(signer.address));
      await pay("rewards", rewards, new ClaimCalls(claims).withdraw(signer.address));
      if (withdrawn.length === 0)
        throw new CliError("refused", `disputes owe ${signer.address} nothing; bonds of open ones stay with the dispute`);
      const unit = await chain.unitOf(chain.deployment.stakeToken);
      return {
        json: { account: signer.address, withdrawn },
        text: withdrawn
          .map(
            ({ what, amount, transaction, gasUsed }) =>
              `${what}: ${formatAmount(amount, unit)}, transaction ${transaction} (${gasUsed} gas)\n`,
          )
          .join(""),
      };
    }),
  );
}
