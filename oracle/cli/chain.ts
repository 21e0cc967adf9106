import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { getAddress, Interface, isAddress, ZeroAddress } from "ethers";
import { Calls, erc20Interface, Views, type ContractCall } from "../chain/contracts.ts";
import { currentFees } from "../chain/fees.ts";
import type { RawLog } from "../chain/logs.ts";
import { quantity, Rpc, RpcError } from "../chain/rpc.ts";
import { Signer } from "../chain/signer.ts";
import { commandLineEnvironment } from "../config.ts";
import { ether, formatAmount, type Unit } from "./amounts.ts";
import { defaultDeploymentFile, readDeployment, type DeploymentFile } from "./deploymentFile.ts";
import { CliError } from "./exitCodes.ts";
import { readNamedFile } from "./files.ts";
import { logsBetween } from "./logRange.ts";
import { refusalText } from "./refusals.ts";

export interface ChainOptions {
  rpc?: string[];
  deployment: string;
  account?: string;
  keyFile?: string;
}

/** Options of every verb that talks to the chain; `signs` adds those that say who pays. */
export function chainOptions(command: Command, { signs }: { signs: boolean }): Command {
  command
    .option("--deployment <file>", "addresses of the contracts, as `assay devnet` writes them", defaultDeploymentFile)
    .option(
      "--rpc <url...>",
      "providers of the chain (http or ws), the first that answers is used; ASSAY_RPC does the same (default: the deployment's)",
    );
  if (signs) {
    command
      .option("--account <name>", "sign as this account of the deployment file (a local network has: operator, author, requester …)")
      .option("--key-file <file>", "sign with the private key in this file (32 bytes, hexadecimal); the variable ASSAY_KEY does the same");
  }
  return command;
}

export interface Receipt {
  hash: string;
  blockNumber: number;
  gasUsed: bigint;
  logs: RawLog[];
  /** Of a contract that the transaction created. */
  contractAddress: string | null;
}

interface RawReceipt {
  status: string;
  blockNumber: string;
  gasUsed: string;
  logs: RawLog[];
  contractAddress: string | null;
}

const tokenInterface = new Interface(["function symbol() view returns (string)", "function decimals() view returns (uint8)"]);

const feeCeiling = 1_000n * 10n ** 9n;
const receiptTimeoutMs = 180_000;

/** One verb's connection to the chain and to one deployment on it. */
export class Chain {
  readonly rpc: Rpc;
  readonly deployment: DeploymentFile;
  readonly views: Views;
  readonly calls: Calls;

  constructor(rpc: Rpc, deployment: DeploymentFile) {
    this.rpc = rpc;
    this.deployment = deployment;
    this.views = new Views(rpc, deployment);
    this.calls = new Calls(deployment);
  }

  close(): void {
    this.rpc.close();
  }

  /** @returns symbol and decimals of a token (zero address: ETH). */
  async unitOf(token: string): Promise<Unit> {
    if (token === ZeroAddress) return ether;
    const [symbol, decimals] = await this.rpc.batch(
      (["symbol", "decimals"] as const).map((name) => ({
        method: "eth_call",
        params: [{ to: token, data: tokenInterface.encodeFunctionData(name) }, "latest"],
      })),
    );
    return {
      symbol: tokenInterface.decodeFunctionResult("symbol", symbol as string)[0] as string,
      decimals: Number(tokenInterface.decodeFunctionResult("decimals", decimals as string)[0]),
    };
  }

  async balanceOf(account: string, token: string): Promise<bigint> {
    if (token === ZeroAddress) return BigInt(await this.rpc.call<string>("eth_getBalance", [account, "latest"]));
    const data = erc20Interface.encodeFunctionData("balanceOf", [account]);
    return BigInt(await this.rpc.call<string>("eth_call", [{ to: token, data }, "latest"]));
  }

  /** @returns the last block's number and time (Unix time, seconds). */
  async head(): Promise<{ number: number; timestamp: number }> {
    const { number, timestamp } = await this.rpc.call<{ number: string; timestamp: string }>("eth_getBlockByNumber", ["latest", false]);
    return { number: Number(number), timestamp: Number(timestamp) };
  }

  /** Logs of one address from the deployment's first block on; halves the range where a provider finds it too wide. */
  async logs(address: string, topics: (string | string[] | null)[], from = this.deployment.startBlock, to?: number): Promise<RawLog[]> {
    return logsBetween(this.rpc, { address, topics, from, to: to ?? (await this.head()).number });
  }

  /** Makes sure that `spender` may take `amount` of the signer's tokens. @throws CliError insufficient-funds */
  async allow(signer: Signer, token: string, spender: string, amount: bigint): Promise<void> {
    const unit = await this.unitOf(token);
    const balance = await this.balanceOf(signer.address, token);
    if (balance < amount) {
      throw new CliError(
        "insufficient-funds",
        `${signer.address} has ${formatAmount(balance, unit)}, this needs ${formatAmount(amount, unit)}; send it some, then try again`,
      );
    }
    const allowance = erc20Interface.encodeFunctionData("allowance", [signer.address, spender]);
    if (BigInt(await this.rpc.call<string>("eth_call", [{ to: token, data: allowance }, "latest"])) >= amount) return;
    await this.send(signer, { to: token, data: erc20Interface.encodeFunctionData("approve", [spender, amount]) });
  }

  /**
   * Sends a transaction and waits until it is in a block. Nothing is sent where it would fail.
   * @param call an empty `to` creates a contract.
   * @throws CliError insufficient-funds, refused or timeout
   */
  async send(signer: Signer, call: ContractCall, signal?: AbortSignal): Promise<Receipt> {
    const value = call.value ?? 0n;
    const to = call.to === "" ? null : call.to;
    const transaction = { from: signer.address, ...(to === null ? {} : { to }), data: call.data, value: quantity(value) };
    const [balance, nonce] = (await this.rpc.batch([
      { method: "eth_getBalance", params: [signer.address, "latest"] },
      { method: "eth_getTransactionCount", params: [signer.address, "pending"] },
    ])) as [string, string];
    requireFunds(signer.address, BigInt(balance), value, value === 0n ? 1n : 0n);
    const fees = await currentFees(this.rpc, feeCeiling);
    const estimate = BigInt(await this.rpc.call<string>("eth_estimateGas", [transaction]).catch(refuse));
    const gasLimit = estimate + estimate / 5n;
    requireFunds(signer.address, BigInt(balance), value, gasLimit * fees.maxFee);
    const signed = signer.sign({
      to,
      data: call.data,
      value,
      chainId: this.deployment.chainId,
      nonce: Number(nonce),
      gasLimit,
      maxFeePerGas: fees.maxFee,
      maxPriorityFeePerGas: fees.priorityFee,
    });
    await this.rpc.call("eth_sendRawTransaction", [signed.raw]).catch(refuse);
    return this.#receipt(signed.hash, signal);
  }

  async #receipt(hash: string, signal?: AbortSignal): Promise<Receipt> {
    const deadline = Date.now() + receiptTimeoutMs;
    for (let wait = 20; Date.now() < deadline; wait = Math.min(2 * wait, 1000)) {
      const receipt = await this.rpc.call<RawReceipt | null>("eth_getTransactionReceipt", [hash]);
      if (receipt !== null) {
        if (receipt.status !== "0x1") throw new CliError("refused", `transaction ${hash} reverted in block ${Number(receipt.blockNumber)}`);
        return {
          hash,
          blockNumber: Number(receipt.blockNumber),
          gasUsed: BigInt(receipt.gasUsed),
          logs: receipt.logs,
          contractAddress: receipt.contractAddress,
        };
      }
      await sleep(wait, undefined, signal === undefined ? {} : { signal });
    }
    throw new CliError(
      "timeout",
      `transaction ${hash} was sent and isn't in a block after ${receiptTimeoutMs / 1000} s; look it up before you send it again`,
    );
  }
}

function requireFunds(account: string, balance: bigint, value: bigint, gas: bigint): void {
  if (balance >= value + gas) return;
  throw new CliError(
    "insufficient-funds",
    `${account} has ${formatAmount(balance, ether)}, this takes ${formatAmount(value, ether)} and gas; send it some ETH, then try again`,
  );
}

/** @throws CliError where the contract refuses; else the error as it came. */
export function refuse(error: unknown): never {
  if (!(error instanceof RpcError)) throw error;
  const text = refusalText(error.data);
  if (text !== undefined) throw new CliError("refused", text, error);
  if (/insufficient|doesn't have enough funds/i.test(error.message)) throw new CliError("insufficient-funds", error.message, error);
  if (/revert/i.test(error.message)) throw new CliError("refused", `the contract refuses: ${error.message}`, error);
  throw error;
}

/** Connects and checks that the chain is the deployment's and that the contracts are there. @throws CliError, ChainUnavailableError */
export async function connect({ rpc: urls, deployment: path }: ChainOptions): Promise<Chain> {
  const deployment = await readDeployment(path);
  const chosen = urls ?? commandLineEnvironment().rpc ?? (deployment.rpcUrl === undefined ? [] : [deployment.rpcUrl]);
  if (chosen.length === 0)
    throw new CliError("usage", `${path} names no rpcUrl; name a provider of chain ${deployment.chainId} with --rpc`);
  for (const url of chosen) {
    if (!/^(https?|wss?):\/\//.test(url) || !URL.canParse(url)) throw new CliError("usage", `--rpc ${url} is no http(s) or ws(s) URL`);
  }
  const rpc = new Rpc({ urls: chosen, rounds: 3, maxBackoffMs: 500 });
  try {
    const [chainId, code] = (await rpc.batch([
      { method: "eth_chainId", params: [] },
      { method: "eth_getCode", params: [deployment.coordinator, "latest"] },
    ])) as [string, string];
    const where = rpc.names.join(", ");
    if (Number(chainId) !== deployment.chainId) {
      throw new CliError(
        "bad-input",
        `${where} is chain ${Number(chainId)}, ${path} is for chain ${deployment.chainId}; name the right provider with --rpc`,
      );
    }
    if (code === "0x") {
      throw new CliError(
        "bad-input",
        `there is no contract at ${deployment.coordinator} on ${where}; ${path} is of another or an older network`,
      );
    }
    return new Chain(rpc, deployment);
  } catch (error) {
    rpc.close();
    throw error;
  }
}

/** The account that signs, by the options of `chainOptions`. @throws CliError usage or bad-input, KeyError */
export async function signerOf({ account, keyFile, deployment: path }: ChainOptions, deployment: DeploymentFile): Promise<Signer> {
  if (account !== undefined && keyFile !== undefined)
    throw new CliError("usage", "--account and --key-file both say who signs; give one of them");
  const names = Object.keys(deployment.accounts ?? {});
  if (account !== undefined) {
    const entry = deployment.accounts?.[account];
    if (entry === undefined) {
      throw new CliError("usage", `${path} has no account "${account}"; it has ${names.join(", ") || "none: use --key-file"}`);
    }
    keyFile = resolve(dirname(path), entry.keyFile);
  }
  const key = keyFile === undefined ? commandLineEnvironment().key : (await readNamedFile(keyFile)).toString("utf8");
  if (key === undefined) {
    const choice = names.length > 0 ? `--account NAME (${names.join(", ")}), ` : "";
    throw new CliError("usage", `whose key signs this? Give ${choice}--key-file FILE, or set ASSAY_KEY`);
  }
  return Signer.fromKey(key);
}

/** @param text an address, or the name of an account of the deployment file. @throws CliError usage */
export function addressNamed(text: string, { deployment: path }: ChainOptions, { deployment }: Chain): string {
  const named = deployment.accounts?.[text]?.address ?? text;
  if (!isAddress(named)) throw new CliError("usage", `${text} is neither an address nor an account of ${path}`);
  return getAddress(named);
}

/** Connects, runs `use`, and closes whatever happens. */
export async function withChain<T>(options: ChainOptions, use: (chain: Chain) => Promise<T>): Promise<T> {
  const chain = await connect(options);
  try {
    return await use(chain);
  } finally {
    chain.close();
  }
}

export async function withSigner<T>(options: ChainOptions, use: (chain: Chain, signer: Signer) => Promise<T>): Promise<T> {
  return withChain(options, async (chain) => use(chain, await signerOf(options, chain.deployment)));
}
