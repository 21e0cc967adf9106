import type { Command } from "commander";
import { formatAmount, timeText } from "./amounts.ts";
import { chainOptions, withChain, type ChainOptions } from "./chain.ts";
import { contentOptions, type ContentOptions } from "./content.ts";
import { requireModel } from "./models.ts";
import { readAnswer, answerRows, findRequest } from "./requests.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addRequestShow(parent: Command, terminal: Terminal): void {
  const command = contentOptions(
    chainOptions(
      parent
        .command("show")
        .description("Show where a request stands, its answer, and every event of it.")
        .argument("<request>", "its identity")
        .option("--out <directory>", "write the answer's tensors as .npy files"),
      { signs: false },
    ),
  );
  const examples = ["request show 0x5c…", "request show 0x5c… --out answer/ --json"];
  runs<ChainOptions & ContentOptions & { out?: string }>(command, terminal, examples, ({ options, terminal: { signal } }, id) =>
    withChain(options, async (chain) => {
      const story = await findRequest(chain, id);
      const { request, status, inputURI, delivered, events } = story;
      const { params } = request;
      const model = await requireModel(chain, params.modelId);
      const names = model.outputs.map(({ name }) => name);
      const answer = story.answer === null ? undefined : await readAnswer(chain, story, names, options, signal);
      return {
        json: { requestId: id, status, request, inputURI, delivered, answer: null, finalizableAt: null, ...answer?.json, events },
        text: table([
          ["request", id],
          ["status", status],
          ["model", params.modelId],
          ["requester", request.requester],
          ["requested", `${timeText(request.requestedAt)}, to be answered before ${timeText(request.requestedAt + params.submitPeriod)}`],
          ["fee", formatAmount(params.fee, await chain.unitOf(params.feeToken))],
          ["bond", formatAmount(params.bond, await chain.unitOf(await chain.views.stakeToken()))],
          ["input", `${request.inputRoot}${inputURI === "" ? "" : ` at ${inputURI}`}`],
          ...(answer === undefined ? [] : answerRows(story, answer)),
          ...(delivered === null ? [] : ([["callback", delivered ? "returned, or none was asked for" : "failed"]] as const)),
          ["events", events.map(({ name, blockNumber, transaction }) => `${name} in block ${blockNumber}, transaction ${transaction}`)],
        ]),
      };
    }),
  );
}
