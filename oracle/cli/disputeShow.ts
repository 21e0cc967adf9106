import type { Command } from "commander";
import { openTurns } from "../core/dispute/facts.ts";
import { timeText } from "./amounts.ts";
import { chainOptions, withChain, type ChainOptions } from "./chain.ts";
import { findDispute, moveText, standing } from "./disputes.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addDisputeShow(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("show")
      .description("Show how a dispute stands, whose move it is and until when, and every move of it.")
      .argument("<dispute>", "its identity"),
    { signs: false },
  );
  runs<ChainOptions>(command, terminal, ["dispute show 0x5c…", "dispute show 0x5c… --json"], ({ options }, id) =>
    withChain(options, async (chain) => {
      const { disputeId, facts, moves } = await findDispute(chain, id);
      const { timestamp } = await chain.head();
      const { turn, deadline } = facts;
      const running = openTurns.some((open) => open === turn);
      const late = timestamp >= deadline ? ", which is over: anyone may say so" : ` (${deadline - timestamp} s from now)`;
      return {
        json: { disputeId, ...facts, moves: moves.map(({ event, ...place }) => ({ ...event, ...place })) },
        text: table([
          ["dispute", disputeId],
          ["request", facts.requestId || "not known before it is opened"],
          ["challenger", facts.challenger],
          ...(facts.operator === "" ? [] : ([["operator", facts.operator]] as const)),
          ...(facts.requestId === "" ? [] : ([["about", `element ${facts.element} of output ${facts.tensor}`]] as const)),
          ["stands", standing(facts)],
          ...(running ? ([["until", `${timeText(deadline)}${late}`]] as const) : []),
          ["moves", moves.map(({ event, blockNumber }) => `block ${blockNumber}: ${moveText(event)}`)],
        ]),
      };
    }),
  );
}
