import type { Command } from "commander";
import { getAddress, isAddress, ZeroAddress } from "ethers";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { CliError } from "./exitCodes.ts";
import { runs, table, type Terminal } from "./verb.ts";

export function addOperatorDelegate(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("delegate")
      .description("Let another account make the operator's dispute moves, of running disputes too, and nothing else; or end that.")
      .argument("<address>", 'who may; "none": nobody but the operator'),
    { signs: true },
  );
  const examples = ["operator delegate 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --account operator", "operator delegate none"];
  runs<ChainOptions>(command, terminal, examples, ({ options, terminal: { signal } }, text) => {
    if (text !== "none" && !isAddress(text)) throw new CliError("bad-input", `<address> is "${text}": write an address, or none`);
    const delegate = text === "none" ? ZeroAddress : getAddress(text);
    return withSigner(options, async (chain, signer) => {
      const { hash, gasUsed } = await chain.send(signer, chain.calls.setDelegate(delegate), signal);
      return {
        json: { operator: signer.address, delegate, transaction: hash, gasUsed },
        text: table([
          ["operator", signer.address],
          ["delegate", text === "none" ? "none" : delegate],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    });
  });
}
