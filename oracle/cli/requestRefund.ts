import type { Command } from "commander";
import { formatAmount } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { findRequest } from "./requests.ts";
import { runs, type Terminal } from "./verb.ts";

export function addRequestRefund(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("refund")
      .description("Give the fee of a request that nobody answered in time back to its requester, who is then owed it.")
      .argument("<request>", "its identity"),
    { signs: true },
  );
  runs<ChainOptions>(command, terminal, ["request refund 0x5c… --account requester"], ({ options, terminal: { signal } }, id) =>
    withSigner(options, async (chain, signer) => {
      const { request } = await findRequest(chain, id);
      const { hash, gasUsed } = await chain.send(signer, chain.calls.refund(request), signal);
      const { feeToken, fee } = request.params;
      return {
        json: { requestId: id, requester: request.requester, feeToken, fee, transaction: hash, gasUsed },
        text: `${request.requester} is owed ${formatAmount(fee, await chain.unitOf(feeToken))} (an account takes it with \`assay operator withdraw\`, a contract built on InferenceConsumer with its \`withdrawOwed\`)\ntransaction ${hash} (${gasUsed} gas)\n`,
      };
    }),
  );
}
