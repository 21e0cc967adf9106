import type { Command } from "commander";
import { runs, table, type Terminal } from "./verb.ts";

interface Options {
  config: string;
  logLevel?: string;
}

export function addWatch(program: Command, terminal: Terminal): void {
  const command = program
    .command("watch")
    .description(
      "Run a watchtower: check every answer, challenge the wrong ones and play their disputes to the end. It needs a key with ETH for gas and stake tokens for the bonds, but no stake. SIGTERM or Ctrl-C stops it in order; open disputes' clocks go on.",
    )
    .option("--config <file>", "configuration (docs/operating.md), with the key in [challenger]", "assay.toml")
    .option("--log-level <level>", "fatal, error, warn, info, debug, trace or silent (default: the configuration's)");
  runs<Options>(
    command,
    terminal,
    ["watch --config watchtower.toml", "watch --config watchtower.toml --json"],
    async ({ options, report, terminal: { signal } }) => {
      const [{ loadConfig }, { startWatchtower }, { createLog }] = await Promise.all([
        import("../config.ts"),
        import("../watchtower.ts"),
        import("../telemetry/log.ts"),
      ]);
      const overrides = options.logLevel === undefined ? {} : { log: { level: options.logLevel } };
      const config = await loadConfig(options.config, overrides, "challenger");
      const watchtower = await startWatchtower(config, { log: createLog(config.log.level), signal });
      const { challenger, head } = watchtower.stats();
      const { chainId, disputeGame } = config.contracts;
      report({
        json: { challenger, chainId, disputeGame, head },
        text: table([
          ["challenger", challenger],
          ["chain", chainId],
          ["dispute game", disputeGame],
          ["head", head?.number ?? "none"],
        ]),
      });
      await watchtower.finished;
    },
  );
}
