import type { Command } from "commander";
import { DisputeCalls } from "../chain/disputeCalls.ts";
import { formatAmount, timeText } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { CliError } from "./exitCodes.ts";
import { findRequest } from "./requests.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addOperatorRetract(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("retract")
      .description(
        "Take your own answer back while its window isn't over: costs the fee and, before anybody can challenge it, a hundredth of the bond, later seven eighths of it; another operator may answer. A node does so by itself where its answer is wrong; stop it before you do it by hand.",
      )
      .argument("<request>", "the request's identity"),
    { signs: true },
  );
  runs<ChainOptions>(command, terminal, ["operator retract 0x5c… --account operator"], ({ options, terminal: { signal } }, id) =>
    withSigner(options, async (chain, signer) => {
      const { request, answer, status, finalizableAt } = await findRequest(chain, id);
      if (answer === null) throw new CliError("refused", `request ${id} has no answer (${status}); there is nothing to take back`);
      if (answer.operator !== signer.address) {
        throw new CliError("refused", `the answer to request ${id} is ${answer.operator}'s; only that account can take it back`);
      }
      if (status !== "SUBMITTED" && status !== "SUSPENDED") {
        throw new CliError("refused", `the window of request ${id} ended at ${timeText(finalizableAt!)}; its answer stands`);
      }
      const stakeOf = async () => (await chain.views.operator(signer.address)).stake;
      const before = await stakeOf();
      const { hash, gasUsed } = await chain.send(signer, new DisputeCalls(chain.deployment).retract(request, answer), signal);
      const lost = before - (await stakeOf());
      return {
        json: { requestId: id, operator: signer.address, lost, transaction: hash, gasUsed },
        text: table([
          ["request", id],
          ["answer", "taken back; the request is open to other operators"],
          ["lost", formatAmount(lost, await chain.unitOf(await chain.views.stakeToken()))],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    }),
  );
}
