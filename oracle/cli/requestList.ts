import { getAddress, isAddress, zeroPadValue, type Result } from "ethers";
import type { Command } from "commander";
import { coordinatorInterface, toRequest } from "../chain/contracts.ts";
import { ether, formatAmount, timeText } from "./amounts.ts";
import { chainOptions, withChain, type Chain, type ChainOptions } from "./chain.ts";
import { CliError } from "./exitCodes.ts";
import { topicOf } from "./requests.ts";
import { columns, runs, type Terminal } from "./verb.ts";

interface Options extends ChainOptions {
  model?: string;
  requester?: string;
  limit: string;
}

const stages: Record<string, string> = {
  Submitted: "SUBMITTED",
  Suspended: "SUSPENDED",
  Upheld: "SUBMITTED",
  Finalized: "FINALIZED",
  Refunded: "REFUNDED",
};

/** @returns what the last event of each request says; what only time says (expired, finalizable) is for `request show`. */
async function stagesOf(chain: Chain, ids: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (ids.length === 0) return found;
  const topics = [...Object.keys(stages), "Voided"].map(topicOf);
  for (const log of await chain.logs(chain.deployment.coordinator, [topics, [...ids]])) {
    const { name } = coordinatorInterface.parseLog(log)!;
    found.set(log.topics[1]!, stages[name] ?? "REQUESTED");
  }
  return found;
}

function requesterOf(text: string | undefined, { deployment }: Chain): string | undefined {
  if (text === undefined) return undefined;
  const address = deployment.accounts?.[text]?.address ?? text;
  if (!isAddress(address)) throw new CliError("usage", `--requester ${text} is neither an address nor an account of the deployment`);
  return getAddress(address);
}

export function addRequestList(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("list")
      .description("List requests, the latest first.")
      .option("--model <model>", "only of this model")
      .option("--requester <account>", "only of this requester: address or account's name")
      .option("--limit <number>", "at most so many", "20"),
    { signs: false },
  );
  runs<Options>(command, terminal, ["request list", "request list --requester requester --limit 5 --json"], ({ options }) =>
    withChain(options, async (chain) => {
      const limit = Number(options.limit);
      if (!Number.isInteger(limit) || limit < 1) throw new CliError("usage", `--limit ${options.limit} is no positive whole number`);
      const { model } = options;
      if (model !== undefined && !/^0x[0-9a-fA-F]{64}$/.test(model)) throw new CliError("usage", `--model ${model} is no model identity`);
      const requester = requesterOf(options.requester, chain);
      const logs = await chain.logs(chain.deployment.coordinator, [
        topicOf("Requested"),
        null,
        model ?? null,
        requester === undefined ? null : zeroPadValue(requester, 32),
      ]);
      const latest = logs.slice(-limit).reverse();
      const reached = await stagesOf(
        chain,
        latest.map(({ topics }) => topics[1]!),
      );
      const requests = latest.map((log) => {
        const request = toRequest(coordinatorInterface.parseLog(log)!.args.request as Result);
        const requestId = log.topics[1]!;
        return { requestId, stage: reached.get(requestId) ?? "REQUESTED", blockNumber: Number(log.blockNumber), ...request };
      });
      return {
        json: { total: logs.length, requests },
        text:
          requests.length === 0
            ? "no requests\n"
            : columns(
                ["request", "stage", "requested", "fee"],
                requests.map(({ requestId, stage, requestedAt, params }) => [
                  requestId,
                  stage,
                  timeText(requestedAt),
                  /^0x0+$/.test(params.feeToken) ? formatAmount(params.fee, ether) : `${params.fee} of ${params.feeToken}`,
                ]),
              ),
      };
    }),
  );
}
