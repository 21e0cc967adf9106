import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { HDNodeWallet, Mnemonic } from "ethers";
import type { HardhatUserConfig } from "hardhat/config";
import json5 from "json5";
import { localChainId } from "./deploymentFile.ts";
import { CliError } from "./exitCodes.ts";

/** The mnemonic that every Ethereum development tool uses: whoever funds these accounts on a public network loses the money. */
const mnemonic = "test test test test test test test test test test test junk";

/** Local accounts by what they are for, in the order of their derivation. */
export const accountNames = ["admin", "operator", "operator2", "author", "requester", "requester2", "challenger"] as const;
export type AccountName = (typeof accountNames)[number];

/** Who gets stake tokens at the start; all accounts have 10,000 ETH. */
const stakeholders: readonly AccountName[] = ["operator", "operator2", "requester", "challenger"];
const startingTokens = 1_000_000n * 10n ** 18n;

export interface LocalAccount {
  address: string;
  privateKey: string;
}

export const localAccounts = Object.fromEntries(
  accountNames.map((name, index) => {
    const { address, privateKey } = HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(mnemonic), `m/44'/60'/0'/0/${index}`);
    return [name, { address, privateKey }];
  }),
) as Record<AccountName, LocalAccount>;

const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export interface LocalChainOptions {
  /** 0 takes any free port. */
  port: number;
  /** Seconds between blocks while nobody sends anything; a transaction is mined at once. */
  blockTime: number;
  /** Where the deployment's journal is kept while it runs. */
  directory: string;
  /** Replaced in `ignition/parameters/localhost.json5`, by name. */
  parameters?: Readonly<Record<string, number>>;
}

export interface LocalChain {
  url: string;
  /** Contract addresses by what Ignition's module calls them. */
  contracts: Record<string, string>;
  close(): Promise<void>;
}

/** @throws CliError in-use where somebody listens on the port already. */
async function requireFreePort(port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((done, fail) => {
    probe.once("error", (error: NodeJS.ErrnoException) =>
      fail(error.code === "EADDRINUSE" ? new CliError("in-use", `port ${port} is taken; choose another with --port, or 0 for any`) : error),
    );
    probe.listen(port, "127.0.0.1", done);
  });
  await new Promise((done) => probe.close(done));
}

/** Writes the local network's parameters with some of them replaced. @returns the file's path. @throws CliError bad-input for a name that is none of them. */
async function writeParameters(directory: string, replaced: Readonly<Record<string, number>>): Promise<string> {
  const source = join(projectRoot, "ignition/parameters/localhost.json5");
  const { AssayLocal } = json5.parse<{ AssayLocal: Record<string, unknown> }>(await readFile(source, "utf8"));
  const unknown = Object.keys(replaced).filter((name) => !Object.hasOwn(AssayLocal, name));
  if (unknown.length > 0) {
    throw new CliError(
      "bad-input",
      `${unknown.join(", ")}: no parameter of the local network; it has ${Object.keys(AssayLocal).join(", ")}`,
    );
  }
  const path = join(resolve(directory), "parameters.json");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify({ AssayLocal: { ...AssayLocal, ...replaced } }, null, 2));
  return path;
}

/**
 * Starts a chain in this process and deploys the contracts on it.
 * @throws CliError in-use where the port is taken; bad-input where Hardhat isn't installed.
 */
export async function startLocalChain({ port, blockTime, directory, parameters = {} }: LocalChainOptions): Promise<LocalChain> {
  if (port !== 0) await requireFreePort(port);
  const { createHardhatRuntimeEnvironment, importUserConfig } = await import("hardhat/hre").catch((error: unknown) => {
    throw new CliError("bad-input", "a local network needs Hardhat, which isn't installed; run `npm install hardhat`", error);
  });
  const configPath = join(projectRoot, "hardhat.config.ts");
  const userConfig = await importUserConfig(configPath);
  // Ignition keeps its journal beside its modules by default; a chain that starts from nothing needs a journal that does too.
  const ignition = join(resolve(directory), "ignition");
  await rm(ignition, { recursive: true, force: true });
  const config: HardhatUserConfig = { ...userConfig, paths: { ...userConfig.paths, ignition } };
  const hre = await createHardhatRuntimeEnvironment(config, { config: configPath }, projectRoot);
  const server = await hre.network.createServer(
    {
      network: "default",
      override: {
        chainId: localChainId,
        // Bursts of requests each get a block; without this the chain's clock would run a second ahead for every one.
        allowBlocksWithSameTimestamp: true,
        mining: { auto: true, interval: blockTime * 1000 },
      },
    },
    "127.0.0.1",
    port,
  );
  const { port: actualPort } = await server.listen();
  const url = `http://127.0.0.1:${actualPort}`;
  try {
    const connection = await hre.network.create({ network: "localhost", override: { url } });
    const modulePath = pathToFileURL(join(projectRoot, "ignition/modules/AssayLocal.ts")).href;
    const { default: module } = (await import(modulePath)) as { default: Parameters<typeof connection.ignition.deploy>[0] };
    const deployed = await connection.ignition.deploy(module, {
      parameters: await writeParameters(directory, parameters),
      defaultSender: localAccounts.admin.address,
    });
    const contracts = Object.fromEntries(
      await Promise.all(Object.entries(deployed).map(async ([name, contract]) => [name, await contract.getAddress()] as const)),
    );
    const { stakeToken } = deployed as { stakeToken?: { mint?: (to: string, amount: bigint) => Promise<unknown> } };
    if (stakeToken?.mint === undefined) throw new TypeError("the local deployment has no stake token that can be minted");
    for (const name of stakeholders) await stakeToken.mint(localAccounts[name].address, startingTokens);
    await connection.close();
    return { url, contracts, close: () => server.close() };
  } catch (error) {
    await server.close();
    throw error;
  }
}
