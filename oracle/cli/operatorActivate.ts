import type { Command } from "commander";
import { formatAmount } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addOperatorActivate(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent.command("activate").description("Make a deposit count whose waiting time is over. A running node does it by itself."),
    { signs: true },
  );
  runs<ChainOptions>(command, terminal, ["operator activate --account operator"], ({ options, terminal: { signal } }) =>
    withSigner(options, async (chain, signer) => {
      const { hash, gasUsed } = await chain.send(signer, chain.calls.activateStake(signer.address), signal);
      const [unit, { active }] = await Promise.all([
        chain.views.stakeToken().then((token) => chain.unitOf(token)),
        chain.views.stakeOf(signer.address),
      ]);
      return {
        json: { operator: signer.address, active, transaction: hash, gasUsed },
        text: table([
          ["operator", signer.address],
          ["active stake", formatAmount(active, unit)],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    }),
  );
}
