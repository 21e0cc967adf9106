import type { Command } from "commander";
import { formatAmount, parseAmount } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addOperatorStake(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("stake")
      .description("Deposit stake: bonds behind answers are locked out of it. Allows the registry to take the tokens first, where need be.")
      .argument("<amount>", 'how much of the stake token: "1000", or the smallest unit as "5wei"'),
    { signs: true },
  );
  runs<ChainOptions>(command, terminal, ["operator stake 1000 --account operator"], ({ options, terminal: { signal } }, text) =>
    withSigner(options, async (chain, signer) => {
      const token = await chain.views.stakeToken();
      const unit = await chain.unitOf(token);
      const amount = parseAmount(text, "<amount>", unit);
      await chain.allow(signer, token, chain.deployment.operatorRegistry, amount);
      const { hash, gasUsed } = await chain.send(signer, chain.calls.stake(amount), signal);
      const { stake } = await chain.views.operator(signer.address);
      return {
        json: { operator: signer.address, deposited: amount, stake, token, transaction: hash, gasUsed },
        text: table([
          ["deposited", formatAmount(amount, unit)],
          ["stake", formatAmount(stake, unit)],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    }),
  );
}
