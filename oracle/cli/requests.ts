import { hexlify, type Result } from "ethers";
import { coordinatorInterface, toRequest, type Status } from "../chain/contracts.ts";
import type { RawLog } from "../chain/logs.ts";
import { RpcError } from "../chain/rpc.ts";
import type { Answer, Request } from "../core/job.ts";
import { decodeBundle } from "../core/tensor.ts";
import type { Chain } from "./chain.ts";
import { answerContent, type ContentOptions } from "./content.ts";
import { timeText } from "./amounts.ts";
import { CliError } from "./exitCodes.ts";
import { preview, tensorJson, writeOutputs } from "./tensors.ts";

/** One request, as the coordinator's events tell it. */
export interface RequestStory {
  requestId: string;
  request: Request;
  inputURI: string;
  status: Status;
  /** Null while there is none, or after it was voided. */
  answer: (Answer & { outputURI: string; transaction: string; blockNumber: number }) | null;
  /** The answer's bytes where they travelled in the event. */
  inlineOutput: Uint8Array | null;
  /** Unix time, seconds; null where there is no answer. */
  finalizableAt: number | null;
  /** Whether the callback returned, at once or repeated (`deliver`); null until the answer is final. */
  delivered: boolean | null;
  events: { name: string; blockNumber: number; transaction: string }[];
}

export const topicOf = (name: string): string => coordinatorInterface.getEvent(name)!.topicHash;
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.slice(2), "hex"));

type ChainLog = RawLog & { transactionHash: string };

export function checkRequestId(id: string): void {
  if (!/^0x[0-9a-fA-F]{64}$/.test(id)) throw new CliError("usage", `${id} is no request identity: 0x and 64 hexadecimal digits are`);
}

function apply(story: RequestStory, name: string, args: Result, log: ChainLog): void {
  switch (name) {
    case "Submitted": {
      const { operator, outputRoot, submittedAt, output, outputURI } = args;
      story.answer = {
        operator: operator as string,
        outputRoot: outputRoot as string,
        submittedAt: Number(submittedAt),
        outputURI: outputURI as string,
        transaction: log.transactionHash,
        blockNumber: Number(log.blockNumber),
      };
      story.inlineOutput = outputURI === "" ? bytesOf(output as string) : null;
      story.finalizableAt = Number(submittedAt) + story.request.params.challengeWindow;
      break;
    }
    case "Upheld":
      story.finalizableAt = Math.max(Number(args.finalizableAt), story.answer!.submittedAt + story.request.params.challengeWindow);
      break;
    case "Voided":
      Object.assign(story, { answer: null, inlineOutput: null, finalizableAt: null });
      break;
    case "Finalized":
      story.delivered = args.delivered as boolean;
      break;
    case "Delivered":
      story.delivered = true;
      break;
  }
}

/**
 * @param tries more, where the chain moves on between its events and its status.
 * @throws CliError not-found where this deployment knows no such request.
 */
export async function findRequest(chain: Chain, id: string, tries = 5): Promise<RequestStory> {
  checkRequestId(id);
  const logs = (await chain.logs(chain.deployment.coordinator, [null as never, id])) as ChainLog[];
  const first = logs.find(({ topics }) => topics[0] === topicOf("Requested"));
  if (first === undefined)
    throw new CliError(
      "not-found",
      `there is no request ${id} at ${chain.deployment.coordinator}; \`assay request list\` shows those that there are`,
    );
  const { args } = coordinatorInterface.parseLog(first)!;
  const story: RequestStory = {
    requestId: id,
    request: toRequest(args.request as Result),
    inputURI: args.inputURI as string,
    status: "REQUESTED",
    answer: null,
    inlineOutput: null,
    finalizableAt: null,
    delivered: null,
    events: [],
  };
  for (const log of logs) {
    const parsed = coordinatorInterface.parseLog(log);
    if (parsed === null) continue;
    apply(story, parsed.name, parsed.args, log);
    story.events.push({ name: parsed.name, blockNumber: Number(log.blockNumber), transaction: log.transactionHash });
  }
  const { answer } = story;
  try {
    story.status = await chain.views.status(story.request, answer ?? undefined);
  } catch (error) {
    if (!(error instanceof RpcError) || tries === 0) throw error;
    return findRequest(chain, id, tries - 1);
  }
  return story;
}

/** @returns the answer's bytes, checked against its root where they were fetched. @throws CliError not-found where there is no answer; ContentError */
export async function outputOf(chain: Chain, story: RequestStory, options: ContentOptions, signal?: AbortSignal): Promise<Uint8Array> {
  if (story.answer === null) throw new CliError("not-found", `request ${story.requestId} has no answer yet (${story.status})`);
  if (story.inlineOutput !== null) return story.inlineOutput;
  return answerContent(options, chain.deployment.chainId).fetchBundle(story.answer.outputURI, story.answer.outputRoot, signal);
}

export const rootText = (root: Uint8Array): string => hexlify(root);

/** An answer with its tensors: `json` for programs, the rest for people. */
export interface AnswerReport {
  json: { answer: RequestStory["answer"]; finalizableAt: number | null; outputs: object[]; files: string[] };
  previews: string[];
}

/** Reads an answer's tensors and, with `out`, writes them. @param names of the model's outputs. */
export async function readAnswer(
  chain: Chain,
  story: RequestStory,
  names: readonly string[],
  options: ContentOptions & { out?: string },
  signal?: AbortSignal,
): Promise<AnswerReport> {
  const tensors = decodeBundle(await outputOf(chain, story, options, signal));
  const nameOf = (i: number) => names[i] ?? `output${i}`;
  return {
    json: {
      answer: story.answer,
      finalizableAt: story.finalizableAt,
      outputs: tensors.map((tensor, i) => tensorJson(tensor, nameOf(i))),
      files: options.out === undefined ? [] : await writeOutputs(options.out, tensors, names),
    },
    previews: tensors.map((tensor, i) => `${nameOf(i)}: ${preview(tensor)}`),
  };
}

export function answerRows({ answer, finalizableAt }: RequestStory, { json: { files }, previews }: AnswerReport): [string, unknown][] {
  if (answer === null) return [];
  return [
    ["operator", answer.operator],
    ["answered", timeText(answer.submittedAt)],
    ["final", `from ${timeText(finalizableAt!)} on`],
    ["outputs", previews],
    ...(files.length === 0 ? [] : ([["written to", files]] as [string, unknown][])),
  ];
}
