import { mkdir, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { defaultDeploymentFile, localChainId, writeDeployment, type DeploymentFile } from "./deploymentFile.ts";
import { columns, runs, table, type Terminal } from "./verb.ts";

interface Options {
  port: number;
  blockTime: number;
  out: string;
  set: Record<string, number>;
}

function wholeNumber(maximum: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value > maximum) throw new InvalidArgumentError(`It must be a whole number from 0 to ${maximum}.`);
    return value;
  };
}

/** Collects `--set name=value`. */
function assignment(text: string, sofar: Record<string, number>): Record<string, number> {
  const [, name, value] = /^(\w+)=(\d{1,15})$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("It must be a parameter's name and a whole number, as in clock=600.");
  return { ...sofar, [name]: Number(value) };
}

export function addDevnet(program: Command, terminal: Terminal): void {
  const command = program
    .command("devnet")
    .description(
      "Run a local network with the contracts deployed, until it is stopped with Ctrl-C. The accounts' keys are public: never fund them elsewhere.",
    )
    .option("--port <number>", "port of the JSON-RPC server (http and ws); 0 takes any free one", wholeNumber(65535), 8545)
    .option(
      "--block-time <seconds>",
      "seconds between blocks while nobody sends anything; a transaction is mined at once",
      wholeNumber(3600),
      1,
    )
    .option(
      "--set <name=value>",
      "replace a parameter of ignition/parameters/localhost.json5, such as clock=600; may be given again and again",
      assignment,
      {},
    )
    .option("--out <file>", "where the addresses are written once the network is ready", defaultDeploymentFile);
  runs<Options>(
    command,
    terminal,
    ["devnet", "devnet --port 0 --out /tmp/chain/deployment.json"],
    async ({ options, report, note, terminal: { signal } }) => {
      const { localAccounts, startLocalChain } = await import("./localChain.ts");
      note("starting a local chain and deploying the contracts");
      const directory = dirname(options.out);
      const chain = await startLocalChain({ port: options.port, blockTime: options.blockTime, directory, parameters: options.set });
      try {
        const accounts: NonNullable<DeploymentFile["accounts"]> = {};
        await mkdir(join(directory, "keys"), { recursive: true });
        for (const [name, { address, privateKey }] of Object.entries(localAccounts)) {
          const keyFile = join("keys", `${name}.key`);
          await writeFile(join(directory, keyFile), `${privateKey}\n`, { mode: 0o600 });
          accounts[name] = { address, keyFile };
        }
        const { coordinator, operatorRegistry, modelRegistry, stakeToken, disputeGame, ...rest } = chain.contracts as Record<
          string,
          string
        > &
          Pick<DeploymentFile, "coordinator" | "operatorRegistry" | "modelRegistry" | "stakeToken" | "disputeGame">;
        const deployment = {
          chainId: localChainId,
          rpcUrl: chain.url,
          coordinator,
          operatorRegistry,
          modelRegistry,
          stakeToken,
          disputeGame,
          startBlock: 0,
          accounts,
        };
        await writeDeployment(options.out, deployment);
        report({
          json: { ...deployment, ...rest, deploymentFile: options.out },
          text: [
            table([["rpc", chain.url], ["chain id", localChainId], ...Object.entries(chain.contracts), ["written to", options.out]]),
            columns(
              ["account", "address"],
              Object.entries(localAccounts).map(([name, { address }]) => [name, address]),
            ),
            "Ready. Ctrl-C stops it.\n",
          ].join("\n"),
        });
        if (!signal.aborted) await once(signal, "abort");
      } finally {
        await chain.close();
      }
    },
  );
}
