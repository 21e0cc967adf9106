import type { Command } from "commander";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { contentOptions, type ContentOptions } from "./content.ts";
import { CliError } from "./exitCodes.ts";
import { findRequest, outputOf } from "./requests.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addRequestDeliver(parent: Command, terminal: Terminal): void {
  const command = contentOptions(
    chainOptions(
      parent
        .command("deliver")
        .description("Repeat the callback of a final answer that failed or that nobody brought the bytes for. Anyone may.")
        .argument("<request>", "its identity"),
      { signs: true },
    ),
  );
  const examples = ["request deliver 0x5c… --account requester"];
  runs<ChainOptions & ContentOptions>(command, terminal, examples, ({ options, terminal: { signal } }, id) =>
    withSigner(options, async (chain, signer) => {
      const story = await findRequest(chain, id);
      if (story.status !== "FINALIZED" || story.answer === null)
        throw new CliError("refused", `request ${id} is ${story.status}: only a final answer can be delivered`);
      if (story.delivered === true)
        throw new CliError("refused", `the answer of request ${id} was delivered, or its request asked for no callback`);
      const call = chain.calls.deliver(story.request, story.answer, await outputOf(chain, story, options, signal));
      const { hash, gasUsed } = await chain.send(signer, call, signal);
      return {
        json: { requestId: id, requester: story.request.requester, delivered: true, transaction: hash, gasUsed },
        text: table([
          ["request", id],
          ["delivered to", story.request.requester],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    }),
  );
}
