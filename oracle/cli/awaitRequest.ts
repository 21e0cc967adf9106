import { setTimeout as sleep } from "node:timers/promises";
import type { Chain } from "./chain.ts";
import { CliError } from "./exitCodes.ts";
import { findRequest, type RequestStory } from "./requests.ts";
import { doubtsAbout } from "./unanswered.ts";

export type Milestone = "answer" | "final";

const pollMilliseconds = 250;
/** Between two looks at why nobody answers. */
const doubtMilliseconds = 15_000;

function reached({ status, answer, requestId }: RequestStory, milestone: Milestone): boolean {
  if (status === "EXPIRED" || status === "REFUNDED") {
    throw new CliError(
      "timeout",
      `nobody answered request ${requestId} in its submit period; get the fee back with \`assay request refund ${requestId}\``,
    );
  }
  return status === "FINALIZED" || (milestone === "answer" && answer !== null);
}

/**
 * Waits until a request is answered, or until its answer is final.
 * @param seconds of real time. @param note is told why operators may decline the request, as soon as the chain shows it: once about the operators and once about the fee.
 * @throws CliError timeout where that takes longer, or where nobody answered in time.
 */
export async function awaitRequest(
  chain: Chain,
  requestId: string,
  milestone: Milestone,
  seconds: number,
  note: (line: string) => void,
  signal?: AbortSignal,
): Promise<RequestStory> {
  const deadline = Date.now() + seconds * 1000;
  const told = new Set<string>();
  let doubtAt = 0;
  for (;;) {
    const story = await findRequest(chain, requestId);
    if (reached(story, milestone)) return story;
    if (story.status === "REQUESTED" && Date.now() >= doubtAt) {
      for (const { about, reason } of await doubtsAbout(chain, story.request)) {
        if (!told.has(about)) note(`operators may decline request ${requestId}: ${reason}`);
        told.add(about);
      }
      doubtAt = Date.now() + doubtMilliseconds;
    }
    if (Date.now() >= deadline) {
      const todo =
        story.status === "FINALIZABLE"
          ? `make it final with \`assay finalize ${requestId}\``
          : `look again with \`assay request show ${requestId}\``;
      throw new CliError("timeout", `request ${requestId} is ${story.status} after ${seconds} s; it stays: ${todo}`);
    }
    await sleep(pollMilliseconds, undefined, signal === undefined ? {} : { signal });
  }
}
