import type { Command } from "commander";
import { chainOptions, withChain, type ChainOptions } from "./chain.ts";
import { requireModel, specText } from "./models.ts";
import { runs, table, type Terminal } from "./verb.ts";

const zeroHash = `0x${"0".repeat(64)}`;

export function addModelShow(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent.command("show").description("Show the record of a registered model.").argument("<model>", "its identity"),
    {
      signs: false,
    },
  );
  runs<ChainOptions>(command, terminal, ["model show 0x1f…", "model show 0x1f… --json"], ({ options }, id) =>
    withChain(options, async (chain) => {
      const model = await requireModel(chain, id);
      return {
        json: { modelId: id, ...model },
        text: table([
          ["model", id],
          ["file", model.artifactURI],
          ["hash", model.artifactHash],
          ["author", `${model.author}, royalty ${model.royaltyBps / 100} %`],
          ["inputs", model.inputs.map(specText)],
          ["outputs", model.outputs.map(specText)],
          [
            "adjudicable",
            model.programRoot === zeroHash
              ? "no: answers can't be challenged"
              : `yes, program ${model.programRoot}, weights ${model.weightRoot}`,
          ],
        ]),
      };
    }),
  );
}
