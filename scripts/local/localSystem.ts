import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ContractFactory, Interface, type InterfaceAbi } from "ethers";
import { inspectModel } from "../../oracle/canonical/lowering/inspect.ts";
import type { ProgramHead } from "../../oracle/core/programHead.ts";
import type { Tolerance } from "../../oracle/canonical/tolerance.ts";
import type { ContractCall, Model } from "../../oracle/chain/contracts.ts";
import { modelInterface, noProgram } from "../../oracle/chain/contracts.ts";
import { quantity } from "../../oracle/chain/rpc.ts";
import { Signer } from "../../oracle/chain/signer.ts";
import { connect, type Chain, type Receipt } from "../../oracle/cli/chain.ts";
import { inspectOnnx } from "../../oracle/cli/inspectOnnx.ts";
import { localAccounts, type AccountName } from "../../oracle/cli/localChain.ts";
import type { Dtype } from "../../oracle/core/tensor.ts";
import type { AssayProcess, Processes } from "./processes.ts";

/** One of the local network's accounts by its name, or any key. */
export type Account = AccountName | Signer;

export interface OperatorOptions {
  account: Account;
  /** Stake tokens, whole ones. */
  stake: bigint;
  models: readonly string[];
}

export interface NodeOptions {
  account: AccountName;
  providers?: readonly string[];
  /** Lines of TOML behind the configuration's own. */
  extra?: string;
  /** Whose configuration it is: a node's or a watchtower's. Default: operator. */
  role?: "operator" | "challenger";
  /** Default: 0. */
  confirmations?: number;
  /** Default: the local network's own. */
  rpc?: readonly string[];
  /** Of the data directory, so that a restarted node finds its store again. Default: the account's name. */
  name?: string;
  /** null: as the chain's blocks come. Default: 100. */
  pollMilliseconds?: number | null;
}

export interface DeployedContract {
  address: string;
  abi: Interface;
  gasUsed: bigint;
}

interface Artifact {
  abi: InterfaceAbi;
  bytecode: string;
}

const zeroHash = `0x${"0".repeat(64)}`;

const exact: Tolerance = { absolute: 0, relative: 0 };

function programOf(file: Uint8Array): { programRoot: string; weightRoot: string; head: ProgramHead } {
  const { programRoot, weightRoot, head, refused } = inspectModel(file);
  if (programRoot === null || weightRoot === null || head === null)
    throw new Error(`the model has no canonical program: ${JSON.stringify(refused)}`);
  return { programRoot, weightRoot, head };
}

/** @param source path of the Solidity file under contracts/, without its ending. */
export function artifactOf(source: string): Artifact {
  const name = source.split("/").at(-1)!;
  return JSON.parse(readFileSync(new URL(`../../artifacts/contracts/${source}.sol/${name}.json`, import.meta.url), "utf8")) as Artifact;
}

/** A local network in a process of its own, and what one does on it again and again. */
export class LocalSystem {
  readonly directory: string;
  readonly chain: Chain;
  readonly #processes: Processes;
  readonly #signers = new Map<AccountName, Signer>();

  private constructor(directory: string, processes: Processes, chain: Chain) {
    this.directory = directory;
    this.#processes = processes;
    this.chain = chain;
  }

  /**
   * @param directory for addresses, keys, models and the nodes' stores.
   * @param options `blockTime`: seconds; `parameters`: replaced in `ignition/parameters/localhost.json5`.
   */
  static async start(
    directory: string,
    processes: Processes,
    { blockTime = 1, parameters = {} }: { blockTime?: number; parameters?: Readonly<Record<string, number>> } = {},
  ): Promise<LocalSystem> {
    const deployment = join(directory, "deployment.json");
    const set = Object.entries(parameters).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    await processes.start("devnet", ["devnet", "--port", "0", "--block-time", String(blockTime), "--out", deployment, ...set]);
    return new LocalSystem(directory, processes, await connect({ deployment }));
  }

  get deploymentFile(): string {
    return join(this.directory, "deployment.json");
  }

  signer(account: Account): Signer {
    if (typeof account !== "string") return account;
    let signer = this.#signers.get(account);
    if (signer === undefined) this.#signers.set(account, (signer = Signer.fromKey(localAccounts[account].privateKey)));
    return signer;
  }

  send(account: Account, call: ContractCall): Promise<Receipt> {
    return this.chain.send(this.signer(account), call);
  }

  /** @returns what a view of a contract says. */
  async view(contract: { address: string; abi: Interface }, name: string, ...args: unknown[]): Promise<unknown[]> {
    const data = contract.abi.encodeFunctionData(name, args);
    const result = await this.chain.rpc.call<string>("eth_call", [{ to: contract.address, data }, "latest"]);
    return contract.abi.decodeFunctionResult(name, result).toArray() as unknown[];
  }

  async deploy(account: AccountName, source: string, ...args: unknown[]): Promise<DeployedContract> {
    const { abi, bytecode } = artifactOf(source);
    const { data } = await new ContractFactory(abi, bytecode).getDeployTransaction(...args);
    const { contractAddress, gasUsed } = await this.send(account, { to: "", data });
    return { address: contractAddress!, abi: new Interface(abi), gasUsed };
  }

  /** Puts an ONNX file where the nodes find it. @returns its path. */
  async writeModel(name: string, bytes: Uint8Array): Promise<string> {
    const path = join(this.directory, "models", `${name}.onnx`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    return path;
  }

  /** @param tolerance of float32 outputs; makes the model's answers challengeable. */
  async registerModel(
    author: AccountName,
    name: string,
    bytes: Uint8Array,
    royaltyBps = 250,
    tolerance?: Tolerance,
  ): Promise<{ modelId: string; gasUsed: bigint }> {
    const path = await this.writeModel(name, bytes);
    const { artifactHash, inputs, outputs } = inspectOnnx(path, bytes);
    const none = { programRoot: zeroHash, weightRoot: zeroHash, head: noProgram };
    const { programRoot, weightRoot, head } = tolerance === undefined ? none : programOf(bytes);
    const spec = (delta: Tolerance) => (signature: (typeof inputs)[number]) => ({
      name: signature.name,
      dtype: signature.dtype as Dtype,
      shape: signature.shape as number[],
      deltaAbsolute: delta.absolute,
      deltaRelative: delta.relative,
    });
    const model: Model = {
      artifactHash,
      artifactURI: pathToFileURL(path).href,
      programRoot,
      weightRoot,
      inputs: inputs.map(spec(exact)),
      outputs: outputs.map((output) => spec(tolerance !== undefined && output.dtype === "float32" ? tolerance : exact)(output)),
      author: this.signer(author).address,
      royaltyBps,
    };
    const { logs, gasUsed } = await this.send(author, this.chain.calls.registerModel(model, head));
    const { topicHash } = modelInterface.getEvent("ModelRegistered")!;
    return { modelId: logs.find(({ topics }) => topics[0] === topicHash)!.topics[1]!, gasUsed };
  }

  /** @returns the gas of registering, staking and saying what is served. */
  async registerOperator({ account, stake, models }: OperatorOptions): Promise<Record<"register" | "stake" | "serve", bigint>> {
    const { calls, deployment } = this.chain;
    const amount = stake * 10n ** 18n;
    const registered = await this.send(account, calls.registerOperator(""));
    await this.chain.allow(this.signer(account), deployment.stakeToken, deployment.operatorRegistry, amount);
    const staked = await this.send(account, calls.stake(amount));
    const served = await this.send(account, calls.setServedModels(models, true));
    return { register: registered.gasUsed, stake: staked.gasUsed, serve: served.gasUsed };
  }

  /** Writes a node's configuration. @returns its path. */
  async writeNodeConfig(options: NodeOptions): Promise<string> {
    const {
      account,
      extra = "",
      providers = ["cpu"],
      role = "operator",
      name = account,
      confirmations = 0,
      pollMilliseconds = 100,
    } = options;
    const path = join(this.directory, `${name}.toml`);
    const { rpcUrl } = this.chain.deployment;
    const rpc = options.rpc ?? [rpcUrl!.replace("http", "ws"), rpcUrl!];
    await writeFile(
      path,
      `dataDirectory = "data/${name}"
lockDirectory = "locks"

[chain]
rpc = ${JSON.stringify(rpc)}
confirmations = ${confirmations}
${pollMilliseconds === null ? "" : `pollMilliseconds = ${pollMilliseconds}`}

[contracts]
file = "deployment.json"

[${role}]
keyFile = "keys/${account}.key"

[scheduler]
submitMarginSeconds = 1

[runtime]
providers = [${providers.map((provider) => `"${provider}"`).join(", ")}]

[content]
allowedFileRoots = ["models", "inputs"]
${extra}`,
    );
    return path;
  }

  /** Starts an oracle node as its own process. */
  async startNode(options: NodeOptions): Promise<AssayProcess> {
    const config = await this.writeNodeConfig(options);
    return this.#processes.start(options.name ?? options.account, ["start", "--config", config]);
  }

  /** Starts a watchtower as its own process. */
  async startWatchtower(options: Omit<NodeOptions, "role">): Promise<AssayProcess> {
    const config = await this.writeNodeConfig({ ...options, role: "challenger" });
    return this.#processes.start(options.name ?? options.account, ["watch", "--config", config]);
  }

  /** Moves the local chain's clock. @param seconds forward. */
  async passTime(seconds: number): Promise<void> {
    await this.chain.rpc.batch([
      { method: "evm_increaseTime", params: [seconds] },
      { method: "evm_mine", params: [] },
    ]);
  }

  /** Sends in a block of the given time, which must lie ahead. @param time Unix time, seconds. */
  async sendAt(time: number, account: Account, call: ContractCall): Promise<Receipt> {
    await this.chain.rpc.call("evm_setNextBlockTimestamp", [time]);
    return this.send(account, call);
  }

  /** @returns a block's time: Unix time, seconds. */
  async timeOf(blockNumber: number): Promise<number> {
    const { timestamp } = await this.chain.rpc.call<{ timestamp: string }>("eth_getBlockByNumber", [quantity(blockNumber), false]);
    return Number(timestamp);
  }

  close(): void {
    this.chain.close();
  }
}
