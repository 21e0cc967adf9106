import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { CliError } from "./exitCodes.ts";
import { readNamedFile } from "./files.ts";

/** Where `assay devnet` writes and every other verb looks, unless told otherwise. */
export const defaultDeploymentFile = ".assay/devnet/deployment.json";

/** What development networks are called everywhere. */
export const localChainId = 31337;

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "is no address: 0x and 40 hexadecimal digits are");

const schema = z.object({
  chainId: z.int().positive(),
  /** A provider for this chain; verbs use it unless `--rpc` names another. */
  rpcUrl: z.url().optional(),
  coordinator: address,
  operatorRegistry: address,
  modelRegistry: address,
  stakeToken: address,
  disputeGame: address,
  /** The block that created the contracts, or any before it: events are read from here. */
  startBlock: z.int().nonnegative(),
  /** Accounts that verbs can be told to use by name; key files lie relative to this file. */
  accounts: z.record(z.string(), z.object({ address, keyFile: z.string() })).optional(),
});

/** What a deployment of Assay is to the command line: addresses, and on a local network the accounts to play with. */
export type DeploymentFile = z.infer<typeof schema>;

/** @throws CliError where the file is missing or isn't a deployment. */
export async function readDeployment(path: string): Promise<DeploymentFile> {
  if (!existsSync(path)) {
    throw new CliError("bad-input", `no deployment at ${path}: start one with \`assay devnet\`, or name one with --deployment`);
  }
  const text = (await readNamedFile(path)).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CliError("bad-input", `${path} is no JSON (${(error as Error).message}); name a deployment file with --deployment`, error);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path: key, message } = parsed.error.issues[0]!;
  throw new CliError("bad-input", `${path} is no deployment file: ${key.join(".") || "it"}: ${message}; see docs/cli.md`);
}

/** Writes the file whole or not at all: others wait for it to appear. */
export async function writeDeployment(path: string, deployment: DeploymentFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, `${JSON.stringify(deployment, null, 2)}\n`);
  await rename(`${path}.part`, path);
}
