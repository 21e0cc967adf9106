import type { Command } from "commander";
import { CliError } from "./exitCodes.ts";
import { runs, table, type Terminal } from "./verb.ts";

interface Options {
  config: string;
  providers?: string;
  logLevel?: string;
}

const providerNames = ["cuda", "webgpu", "cpu"];

function providersOf(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const providers = text.split(",").map((name) => name.trim());
  const unknown = providers.find((name) => !providerNames.includes(name));
  if (unknown !== undefined) throw new CliError("usage", `--providers: "${unknown}" is none of ${providerNames.join(", ")}`);
  return providers;
}

export function addStart(program: Command, terminal: Terminal): void {
  const command = program
    .command("start")
    .description("Run the node: watch for requests, answer them, make answers final. SIGTERM or Ctrl-C stops it in order.")
    .option("--config <file>", "configuration (docs/operating.md)", "assay.toml")
    .option(
      "--providers <list>",
      "execution providers in the order in which they are tried: cuda, webgpu, cpu (default: the configuration's)",
    )
    .option("--log-level <level>", "fatal, error, warn, info, debug, trace or silent (default: the configuration's)");
  const examples = ["start --config operator.toml", "start --config operator.toml --providers cuda,cpu"];
  runs<Options>(command, terminal, examples, async ({ options, report, terminal: { signal } }) => {
    const [{ loadConfig }, { startNode }, { createLog }] = await Promise.all([
      import("../config.ts"),
      import("../node.ts"),
      import("../telemetry/log.ts"),
    ]);
    const providers = providersOf(options.providers);
    const config = await loadConfig(options.config, {
      ...(providers === undefined ? {} : { runtime: { providers } }),
      ...(options.logLevel === undefined ? {} : { log: { level: options.logLevel } }),
    });
    const log = createLog(config.log.level);
    const node = await startNode(config, { log, signal });
    const { operator, head } = node.stats();
    report({
      json: { operator, chainId: config.contracts.chainId, coordinator: config.contracts.coordinator, head },
      text: table([
        ["operator", operator],
        ["chain", config.contracts.chainId],
        ["coordinator", config.contracts.coordinator],
        ["head", head?.number ?? "none"],
      ]),
    });
    await node.finished;
  });
}
