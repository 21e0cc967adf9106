import type { Command } from "commander";
import { deliveryPeriod } from "../core/job.ts";
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
        .argument("<request>", "the request's identity")
        .option(
          "--undelivered",
          "without the answer's bytes, so without the callback: a day later, where they can't be had or are too many",
        ),
      { signs: true },
    ),
  );
  const examples = ["finalize 0x5c… --account requester", "finalize 0x5c… --undelivered --account operator"];
  runs<ChainOptions & ContentOptions & { undelivered?: true }>(command, terminal, examples, ({ options, terminal: { signal } }, id) =>
    withSigner(options, async (chain, signer) => {
      const story = await findRequest(chain, id);
      if (story.status === "FINALIZED") throw new CliError("refused", `request ${id} is final already`);
      if (story.answer === null) throw new CliError("refused", `request ${id} has no answer (${story.status}); nothing can be made final`);
      const { timestamp } = await chain.head();
      if (story.status === "SUBMITTED" && timestamp < story.finalizableAt!) {
        throw new CliError("refused", `request ${id} may be challenged until ${timeText(story.finalizableAt!)}; wait until then`);
      }
      const calls = story.request.params.callbackGasLimit > 0;
      const undeliveredFrom = story.finalizableAt! + deliveryPeriod;
      if (calls && options.undelivered && timestamp < undeliveredFrom) {
        throw new CliError(
          "refused",
          `the answer of request ${id} can be made final without its bytes from ${timeText(undeliveredFrom)} on; wait until then, or leave out --undelivered`,
        );
      }
      const output = calls && !options.undelivered ? await outputOf(chain, story, options, signal) : nothing;
      const { hash, gasUsed } = await chain.send(signer, chain.calls.finalize(story.request, story.answer, output), signal);
      const { delivered } = await findRequest(chain, id);
      return {
        json: { requestId: id, operator: story.answer.operator, delivered, transaction: hash, gasUsed },
        text: table([
          ["request", id],
          ["operator", story.answer.operator],
          [
            "callback",
            delivered
              ? "returned, or none was asked for"
              : "failed, or had no bytes; the answer is final all the same (`assay request deliver` repeats it)",
          ],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    }),
  );
}
