import type { Command } from "commander";
import { timeText } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { contentOptions, type ContentOptions } from "./content.ts";
import { CliError } from "./exitCodes.ts";
import { findRequest, outputOf } from "./requests.ts";
import { runs, table, type Terminal } from "./verb.ts";

const nothing = new Uint8Array();

export function addFinalize(program: Command, terminal: Terminal): void {
  const command = contentOptions(
    chainOptions(
      program
        .command("finalize")
        .description("Make an answer final once its challenge window is over: pays the operator and calls the consumer back. Anyone may.")
        .argument("<request>", "the request's identity"),
      { signs: true },
    ),
  );
  const examples = ["finalize 0x5c… --account requester"];
  runs<ChainOptions & ContentOptions>(command, terminal, examples, ({ options, terminal: { signal } }, id) =>
    withSigner(options, async (chain, signer) => {
      const story = await findRequest(chain, id);
      if (story.status === "FINALIZED") throw new CliError("refused", `request ${id} is final already`);
      if (story.answer === null) throw new CliError("refused", `request ${id} has no answer (${story.status}); nothing can be made final`);
      const { timestamp } = await chain.head();
      if (story.status === "SUBMITTED" && timestamp < story.finalizableAt!) {
        throw new CliError("refused", `request ${id} may be challenged until ${timeText(story.finalizableAt!)}; wait until then`);
      }
      const output = story.request.params.callbackGasLimit > 0 ? await outputOf(chain, story, options, signal) : nothing;
      const { hash, gasUsed } = await chain.send(signer, chain.calls.finalize(story.request, story.answer, output), signal);
      const { delivered } = await findRequest(chain, id);
      return {
        json: { requestId: id, operator: story.answer.operator, delivered, transaction: hash, gasUsed },
        text: table([
          ["request", id],
          ["operator", story.answer.operator],
          ["callback", delivered ? "returned, or none was asked for" : "failed; the answer is final all the same"],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    }),
  );
}
