import type { Command } from "commander";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addOperatorRegister(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("register")
      .description("Register the signing account as an operator, or change its endpoint.")
      .option("--endpoint <url>", "where people reach the operator", ""),
    { signs: true },
  );
  const examples = ["operator register --account operator --endpoint https://operator.example"];
  runs<ChainOptions & { endpoint: string }>(command, terminal, examples, ({ options, terminal: { signal } }) =>
    withSigner(options, async (chain, signer) => {
      const { hash, gasUsed } = await chain.send(signer, chain.calls.registerOperator(options.endpoint), signal);
      return {
        json: { operator: signer.address, endpoint: options.endpoint, transaction: hash, gasUsed },
        text: table([
          ["operator", signer.address],
          ["endpoint", options.endpoint || "none"],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    }),
  );
}
