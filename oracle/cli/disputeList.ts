import type { Command } from "commander";
import { chainOptions, withChain, type ChainOptions } from "./chain.ts";
import { listDisputes } from "./disputes.ts";
import { checkRequestId } from "./requests.ts";
import { columns, runs, type Terminal } from "./verb.ts";

export function addDisputeList(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("list")
      .description("List the disputes that were opened, the latest first.")
      .option("--request <request>", "only about this request"),
    { signs: false },
  );
  runs<ChainOptions & { request?: string }>(command, terminal, ["dispute list", "dispute list --request 0x5c… --json"], ({ options }) =>
    withChain(options, async (chain) => {
      if (options.request !== undefined) checkRequestId(options.request);
      const disputes = await listDisputes(chain, options.request ?? null);
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
