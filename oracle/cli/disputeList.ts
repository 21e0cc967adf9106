import type { Command } from "commander";
import { addressNamed, chainOptions, withChain, type ChainOptions } from "./chain.ts";
import { listDisputes } from "./disputes.ts";
import { checkRequestId } from "./requests.ts";
import { columns, runs, type Terminal } from "./verb.ts";

export function addDisputeList(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("list")
      .description("List the disputes that were opened, the latest first.")
      .option("--request <request>", "only about this request")
      .option("--of <account>", "only those of this operator or challenger: an address, or an account's name"),
    { signs: false },
  );
  const examples = ["dispute list", "dispute list --of challenger", "dispute list --request 0x5c… --json"];
  runs<ChainOptions & { request?: string; of?: string }>(command, terminal, examples, ({ options }) =>
    withChain(options, async (chain) => {
      if (options.request !== undefined) checkRequestId(options.request);
      const of = options.of === undefined ? undefined : addressNamed(options.of, options, chain);
      const disputes = (await listDisputes(chain, options.request ?? null)).filter(
        ({ operator, challenger }) => of === undefined || operator === of || challenger === of,
      );
      return {
        json: { disputes },
        text:
          disputes.length === 0
            ? "no disputes\n"
            : columns(
                ["dispute", "state", "operator", "challenger"],
                disputes.map(({ disputeId, state, operator, challenger }) => [disputeId, state, operator, challenger]),
              ),
      };
    }),
  );
}
