import type { Command } from "commander";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { requireModel } from "./models.ts";
import { runs, type Terminal } from "./verb.ts";

export function addOperatorServe(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("serve")
      .description("Say which models the signing operator answers; only those it may answer.")
      .argument("<model...>", "model identities")
      .option("--stop", "no longer serve them"),
    { signs: true },
  );
  const examples = ["operator serve 0x1f… --account operator", "operator serve 0x1f… --stop --account operator"];
  runs<ChainOptions & { stop?: boolean }, [string[]]>(command, terminal, examples, ({ options, terminal: { signal } }, models) =>
    withSigner(options, async (chain, signer) => {
      for (const id of models) await requireModel(chain, id);
      const served = options.stop !== true;
      const { hash, gasUsed } = await chain.send(signer, chain.calls.setServedModels(models, served), signal);
      return {
        json: { operator: signer.address, models, served, transaction: hash, gasUsed },
        text: `${signer.address} ${served ? "serves" : "no longer serves"} ${models.join(", ")}\ntransaction ${hash} (${gasUsed} gas)\n`,
      };
    }),
  );
}
