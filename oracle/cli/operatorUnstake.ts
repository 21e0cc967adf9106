import type { Command } from "commander";
import { formatAmount, parseAmount, timeText } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addOperatorUnstake(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("unstake")
      .description("Take free stake out of service; once it has unbonded, `assay operator withdraw` pays it out.")
      .argument("<amount>", 'how much of the stake token: "1000", or the smallest unit as "5wei"'),
    { signs: true },
  );
  runs<ChainOptions>(command, terminal, ["operator unstake 250 --account operator"], ({ options, terminal: { signal } }, text) =>
    withSigner(options, async (chain, signer) => {
      const unit = await chain.unitOf(await chain.views.stakeToken());
      const amount = parseAmount(text, "<amount>", unit);
      const { hash, gasUsed } = await chain.send(signer, chain.calls.startUnbonding(amount), signal);
      const { unbonding, unbondsAt } = await chain.views.operator(signer.address);
      return {
        json: { operator: signer.address, unbonding, unbondsAt, transaction: hash, gasUsed },
        text: table([
          ["unbonding", formatAmount(unbonding, unit)],
          ["withdrawable", `from ${timeText(unbondsAt)} on`],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    }),
  );
}
