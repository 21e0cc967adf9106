import type { Command } from "commander";
import { addRequestDeliver } from "./requestDeliver.ts";
import { addRequestList } from "./requestList.ts";
import { addRequestMake } from "./requestMake.ts";
import { addRequestRefund } from "./requestRefund.ts";
import { addRequestShow } from "./requestShow.ts";
import type { Terminal } from "./verb.ts";

export function addRequest(program: Command, terminal: Terminal): void {
  const request = program.command("request").description("Ask for an inference; look at requests.");
  addRequestMake(request, terminal);
  // It is what `request` does where no other verb is named, so its arguments and options are `request`'s own.
  const make = request.commands.at(-1)!;
  request.addHelpText("after", () => `\nWithout a command, a request is made:\n\n${make.helpInformation()}`);
  for (const add of [addRequestShow, addRequestList, addRequestRefund, addRequestDeliver]) add(request, terminal);
}
