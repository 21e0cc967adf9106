import type { Command } from "commander";
import { addRequestDeliver } from "./requestDeliver.ts";
import { addRequestList } from "./requestList.ts";
import { addRequestMake } from "./requestMake.ts";
import { addRequestRefund } from "./requestRefund.ts";
import { addRequestShow } from "./requestShow.ts";
import type { Terminal } from "./verb.ts";

export function addRequest(program: Command, terminal: Terminal): void {
  const request = program.command("request").description("Ask for an inference; look at requests.");
  for (const add of [addRequestMake, addRequestShow, addRequestList, addRequestRefund, addRequestDeliver]) add(request, terminal);
}
