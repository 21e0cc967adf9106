import { Command, CommanderError } from "commander";
import { addDevnet } from "./devnet.ts";
import { addDeployment } from "./deployment.ts";
import { addEvaluate } from "./evaluate.ts";
import { addDispute } from "./dispute.ts";
import { addFinalize } from "./finalize.ts";
import { CliError, exitCodes } from "./exitCodes.ts";
import { explain } from "./failures.ts";
import { addModel } from "./model.ts";
import { addOperator } from "./operator.ts";
import { addRequest } from "./request.ts";
import { addStart } from "./start.ts";
import { addWatch } from "./watch.ts";
import { visible, toJson, type Terminal } from "./verb.ts";

function assay(terminal: Terminal): Command {
  const program = new Command("assay")
    .description("An optimistic inference oracle for Ethereum: operators answer, anyone may challenge, the EVM decides.")
    .version("0.1.0")
    .exitOverride()
    .showHelpAfterError("(--help tells more)")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void terminal.out.write(text),
      writeErr: (text) => void terminal.err.write(text),
    });
  for (const add of [addDevnet, addModel, addEvaluate, addOperator, addStart, addWatch, addRequest, addDispute, addFinalize, addDeployment])
    add(program, terminal);
  return program;
}

/**
 * Runs one command line.
 * @param argv without the program's own name.
 * @returns the exit code.
 */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await assay(terminal).parseAsync(argv, { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    // commander has already said what is wrong (or printed the help that was asked for).
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (terminal.signal.aborted) return exitCodes.interrupted;
    const { failure, message } = explain(error);
    const details = error instanceof CliError && error.details !== undefined ? { details: error.details } : {};
    if (argv.includes("--json"))
      terminal.out.write(`${toJson({ error: { failure, exitCode: exitCodes[failure], message, ...details } })}\n`);
    terminal.err.write(`assay: ${visible(message)}\n`);
    if (failure === "unexpected" && error instanceof Error) terminal.err.write(`${error.stack}\n`);
    return exitCodes[failure];
  }
}
