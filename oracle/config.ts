/** The node's configuration: its schema, where its values come from, and the only place that reads the environment. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { getAddress } from "ethers";
import { parse } from "smol-toml";
import { z } from "zod";
import { KeyError, Signer } from "./chain/signer.ts";
import { selfCheckPolicies } from "./core/selfCheck.ts";
import { crashLabels } from "./telemetry/crashPoint.ts";

export class ConfigError extends Error {
  override name = "ConfigError";
}

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, "write an address: 0x and 40 hexadecimal digits")
  .transform((text) => getAddress(text.toLowerCase()));

const rpcUrl = z.url({ protocol: /^(https?|wss?)$/, error: "write a URL that starts with http://, https://, ws:// or wss://" });

const amount = z
  .union([z.string().regex(/^\d+$/, "write a whole number in the token's smallest unit, in quotes"), z.int().nonnegative()])
  .transform((text) => BigInt(text));

const count = z.int().positive();

const deployment = z.strictObject({
  chainId: count,
  coordinator: address,
  operatorRegistry: address,
  modelRegistry: address,
  disputeGame: address.optional(),
  startBlock: z.int().nonnegative().default(0),
});

const providerNames = ["cuda", "webgpu", "cpu"] as const;

const section = <T extends z.core.$ZodLooseShape>(shape: T) => z.strictObject(shape).prefault({} as never);

const keySection = () =>
  section({
    keyFile: z.string().optional(),
    keystoreFile: z.string().optional(),
    passwordFile: z.string().optional(),
  });

const schema = z.strictObject({
  /** Job store, caches, locks. */
  dataDirectory: z.string().min(1),
  chain: z.strictObject({
    rpc: z.array(rpcUrl).min(1, "name at least one provider URL"),
    confirmations: z.int().nonnegative().default(2),
    /** Between two looks for a new block; missing: once for each block, as the chain's blocks come. */
    pollMilliseconds: count.optional(),
    /** Most blocks per eth_getLogs. */
    maxRange: count.default(2000),
    timeoutMilliseconds: count.default(10_000),
    /** Tries of all providers before a call fails. */
    rounds: count.default(6),
    /** A provider that knows no new block for so long is left for the next one. */
    stallMilliseconds: count.default(60_000),
  }),
  contracts: deployment,
  operator: keySection(),
  /** Whose key signs for a watchtower. */
  challenger: keySection(),
  watch: section({
    /** Part of the answers that a watchtower evaluates canonically although its own runtime agrees with them. */
    canonicalShare: z.number().min(0).max(1).default(0.05),
  }),
  /** Where locks on keys lie; the same for all nodes of one machine. */
  lockDirectory: z.string().default(() => join(homedir(), ".assay", "locks")),
  scheduler: section({
    workers: count.default(1),
    timeoutMilliseconds: count.default(60_000),
    /** Answers that can't be mined so long before their deadline aren't begun. */
    submitMarginSeconds: z.int().nonnegative().default(12),
    evaluationLeadSeconds: z.int().nonnegative().default(2),
    /** By fee token (zero address: ETH); a token that isn't named isn't taken, unless the table is empty. */
    minimumFees: z.record(address, amount).default({}),
    /** A fee in ETH must be at least so many times what the answer's gas costs now; 0: any fee will do. */
    feeOverCost: z.number().nonnegative().default(1),
    /** By fee token: least fee for locking 10^18 of the stake token's smallest unit for a day; a token that isn't named isn't priced by time. */
    bondDayFees: z.record(address, amount).default({ [`0x${"0".repeat(40)}`]: 10n ** 12n }),
    /** Parts of the stake that one answer, and all open answers to one requester, may lock. */
    answerShare: z.number().positive().max(1).default(0.5),
    consumerShare: z.number().positive().max(1).default(0.5),
  }),
  /** When own answers are held against the canonical ones. */
  selfCheck: section({
    /** The highest level that the request's bond reaches counts. */
    levels: z.array(z.strictObject({ fromBond: amount, policy: z.enum(selfCheckPolicies) })).default([{ fromBond: 0n, policy: "after" }]),
    /** Part of the answers that `sampled` checks. */
    sampledShare: z.number().min(0).max(1).default(0.1),
  }),
  runtime: section({
    providers: z.array(z.enum(providerNames)).min(1, "name at least one execution provider").default(["cpu"]),
    memoryLimitMebibytes: count.default(4096),
  }),
  content: section({
    ipfsGateway: z.url().optional(),
    allowPrivateAddresses: z.boolean().default(false),
    allowedFileRoots: z.array(z.string()).default([]),
    maxMebibytes: count.default(2048),
  }),
  outputs: section({
    /** Answers up to so many bytes travel in the transaction. */
    inlineBytes: z.int().nonnegative().default(24_576),
    /** Larger ones are written here and named by `baseUrl`, which must serve this directory. */
    directory: z.string().optional(),
    baseUrl: z.url().optional(),
  }),
  publisher: section({
    batchItems: count.default(50),
    batchBytes: count.default(98_304),
    /** A transaction may not ask for more than 2^24 gas. */
    batchGas: count.default(12_000_000),
  }),
  /** How answers, and nothing else, are handed in. */
  submit: section({
    /** Endpoints that show nobody what they are given before it is in a block; none: the providers of `chain.rpc`. */
    rpc: z.array(rpcUrl).default([]),
    /** Whether what none of them takes goes to `chain.rpc`, where everybody can read it. */
    publicFallback: z.boolean().default(false),
  }),
  fees: section({
    ceilingGwei: z.number().positive().default(200),
    /** What defends a bond or opens a challenge may cost up to this, the nearer its deadline the more. */
    bondCeilingGwei: z.number().positive().default(2000),
    /** Most of the tip that a provider suggests. */
    tipCeilingGwei: z.number().positive().default(5),
    stuckBlocks: count.default(3),
  }),
  log: section({ level: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info") }),
  shutdown: section({ graceMilliseconds: count.default(20_000) }),
  testing: section({ crashPoint: z.enum(crashLabels).optional() }),
});

type Parsed = z.output<typeof schema>;

/** A checked configuration. Paths are absolute. The key itself is only inside `signer`. */
export interface Config extends Omit<Parsed, "operator" | "challenger"> {
  signer: Signer;
}

export type ConfigOverrides = { [Key in keyof z.input<typeof schema>]?: unknown };

/** Variables that stand in for a key of the file, with how their text is read. */
const variables: Record<string, [path: string[], read: (text: string) => unknown]> = {
  ASSAY_DATA_DIRECTORY: [["dataDirectory"], String],
  ASSAY_RPC: [["chain", "rpc"], (text) => text.split(",").map((url) => url.trim())],
  ASSAY_SUBMIT_RPC: [["submit", "rpc"], (text) => text.split(",").map((url) => url.trim())],
  ASSAY_LOG_LEVEL: [["log", "level"], String],
  ASSAY_LOCK_DIRECTORY: [["lockDirectory"], String],
  ASSAY_WORKERS: [["scheduler", "workers"], Number],
  ASSAY_PROVIDERS: [["runtime", "providers"], (text) => text.split(",").map((name) => name.trim())],
  ASSAY_CRASH_POINT: [["testing", "crashPoint"], String],
};

/**
 * Reads the TOML file, then the ASSAY_* variables over it, then `overrides` over both.
 * The operator's key comes from ASSAY_KEY, or from operator.keyFile, or from operator.keystoreFile with ASSAY_KEYSTORE_PASSWORD or operator.passwordFile.
 * A watchtower's key comes from the section `challenger` in the same ways.
 * @param path relative paths in the file are relative to its folder.
 * @throws ConfigError that names the key and what to write.
 */
export async function loadConfig(path: string, overrides: ConfigOverrides = {}, role: Role = "operator"): Promise<Config> {
  const folder = dirname(resolve(path));
  const merged = merge(merge(readToml(path), fromEnvironment()), overrides as Tree);
  inlineDeployment(merged, folder);
  const parsed = schema.safeParse(merged);
  if (!parsed.success) throw new ConfigError(`${path}: ${parsed.error.issues.map(describeIssue).join("; ")}`);
  const { operator, challenger, ...config } = parsed.data;
  if (config.outputs.directory !== undefined && config.outputs.baseUrl === undefined) {
    throw new ConfigError(`${path}: outputs.baseUrl is missing: write the URL under which outputs.directory is served`);
  }
  if (config.submit.publicFallback && config.submit.rpc.length === 0) {
    throw new ConfigError(`${path}: submit.publicFallback without submit.rpc: name the private endpoints in submit.rpc, or remove it`);
  }
  const absolute = (name: string) => resolve(folder, name);
  return {
    ...config,
    dataDirectory: absolute(config.dataDirectory),
    lockDirectory: absolute(config.lockDirectory),
    content: { ...config.content, allowedFileRoots: config.content.allowedFileRoots.map(absolute) },
    outputs: { ...config.outputs, ...(config.outputs.directory && { directory: absolute(config.outputs.directory) }) },
    signer: await loadSigner(path, role, { operator, challenger }[role], absolute),
  };
}

/** Whose key a configuration is read for. */
export type Role = "operator" | "challenger";

type Tree = Record<string, unknown>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

function merge(base: Tree, over: Tree): Tree {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = merged[key];
    merged[key] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return merged;
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${what} ${path} can't be read (${(error as NodeJS.ErrnoException).code}): check the path and its permissions`, {
      cause: error,
    });
  }
}

function readToml(path: string): Tree {
  const text = readText(path, "the configuration");
  try {
    return parse(text);
  } catch (error) {
    throw new ConfigError(`${path} is not TOML: ${(error as Error).message.split("\n")[0]}`, { cause: error });
  }
}

function fromEnvironment(): Tree {
  let tree: Tree = {};
  for (const [name, [path, read]] of Object.entries(variables)) {
    const text = process.env[name];
    if (text === undefined || text === "") continue;
    tree = merge(tree, path.reduceRight<unknown>((value, key) => ({ [key]: value }), read(text)) as Tree);
  }
  return tree;
}

/** @returns what verbs without a configuration file take from the environment: the key that signs, and the providers. */
export function commandLineEnvironment(): { key?: string; rpc?: string[] } {
  const { ASSAY_KEY: key, ASSAY_RPC: rpc } = process.env;
  return { ...(key ? { key } : {}), ...(rpc ? { rpc: rpc.split(",").map((url) => url.trim()) } : {}) };
}

/** `contracts.file` names a JSON file with what `contracts` would hold; what else is in it is for others. */
function inlineDeployment(tree: Tree, folder: string): void {
  const { contracts } = tree;
  if (!isTree(contracts) || typeof contracts.file !== "string") return;
  const { file, ...rest } = contracts;
  const path = resolve(folder, file as string);
  const text = readText(path, "contracts.file");
  try {
    const known = Object.entries(JSON.parse(text) as Tree).filter(([key]) => key in deployment.shape);
    tree.contracts = { ...Object.fromEntries(known), ...rest };
  } catch (error) {
    throw new ConfigError(`contracts.file ${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return `${[...issue.path, issue.keys[0]].join(".")} is not a key of the configuration: remove it or correct its spelling`;
  }
  const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
  return `${issue.path.join(".")}: ${missing ? `is missing: write ${"expected" in issue ? describeType(issue.expected) : "it"}` : issue.message}`;
}

const describeType = (expected: string) =>
  ({ string: "a text in quotes", array: "a list", object: `a section`, int: "a whole number", number: "a number" })[expected] ?? expected;

async function loadSigner(
  path: string,
  role: Role,
  { keyFile, keystoreFile, passwordFile }: Parsed["operator"],
  absolute: (name: string) => string,
): Promise<Signer> {
  const key = process.env.ASSAY_KEY ?? (keyFile && readText(absolute(keyFile), `${role}.keyFile`));
  try {
    if (key !== undefined) return Signer.fromKey(key);
    if (keystoreFile === undefined) {
      throw new ConfigError(`${path}: the ${role} has no key: write ${role}.keyFile or ${role}.keystoreFile, or set ASSAY_KEY`);
    }
    const password =
      process.env.ASSAY_KEYSTORE_PASSWORD ?? (passwordFile && readText(absolute(passwordFile), "operator.passwordFile").trim());
    if (password === undefined) {
      throw new ConfigError(`${path}: the keystore needs its password: write ${role}.passwordFile or set ASSAY_KEYSTORE_PASSWORD`);
    }
    return await Signer.fromKeystore(readText(absolute(keystoreFile), "operator.keystoreFile"), password);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new ConfigError(`${path}: the ${role}'s key can't be used: ${error.message}`, { cause: error });
  }
}
