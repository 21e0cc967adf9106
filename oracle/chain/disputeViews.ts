/** What the dispute contract says; every method is one `eth_call` at the latest block. */
import { Interface, type Result } from "ethers";
import { bundles, type BundleName } from "../core/demandFacts.ts";
import type { Answer, Request } from "../core/job.ts";
import { claimsInterface, disputeInterface, publicationsInterface } from "./disputeCalls.ts";
import { ChainUnavailableError, quantity, type Rpc } from "./rpc.ts";

/** Seconds, 1/10,000 and the stake token's smallest unit; docs/dispute.md says what each buys. */
export interface GameParameters {
  commitDelay: number;
  openGrace: number;
  commitLifetime: number;
  defendTime: number;
  clock: number;
  moveTime: number;
  grace: number;
  maxGrace: number;
  challengerBond: bigint;
  burnBps: number;
}

/** The game's own contracts, and the token of its bonds. */
export interface GameParts {
  stepVerifier: string;
  stakeToken: string;
  claims: string;
  publications: string;
}

/** What an account has: stake tokens in their smallest unit, ETH in wei; and what a unit of gas costs now, in wei. */
export interface Means {
  tokens: bigint;
  wei: bigint;
  gasPrice: bigint;
}

const tokenInterface = new Interface([
  "function allowance(address owner, address spender) view returns (uint256)",
  "function balanceOf(address account) view returns (uint256)",
  "function symbol() view returns (string)",
  "function decimals() view returns (uint8)",
]);

export class DisputeViews {
  readonly #rpc: Rpc;
  readonly game: string;

  constructor(rpc: Rpc, game: string) {
    this.#rpc = rpc;
    this.game = game;
  }

  async parameters(): Promise<GameParameters> {
    const [found] = await this.#call(this.game, disputeInterface, "parameters");
    const { challengerBond, ...numbers } = (found as Result).toObject() as Record<string, bigint>;
    const read = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)]));
    return { ...read, challengerBond } as unknown as GameParameters;
  }

  /** @returns what the game owes the account, in the stake token's smallest unit. */
  async owed(account: string): Promise<bigint> {
    return (await this.#call(this.game, disputeInterface, "owed", account))[0] as bigint;
  }

  /** @returns the addresses of what belongs to the game. */
  async parts(): Promise<GameParts> {
    const names = ["stepVerifier", "stakeToken", "claims", "publications"] as const;
    const found = await Promise.all(names.map((name) => this.#call(this.game, disputeInterface, name)));
    return Object.fromEntries(names.map((name, i) => [name, found[i]![0] as string])) as unknown as GameParts;
  }

  /** @returns what has been booked for the account of bonds of answers that were taken away. @param claims the address of `Claims`. */
  async rewardOf(claims: string, account: string): Promise<bigint> {
    return (await this.#call(claims, claimsInterface, "owed", account))[0] as bigint;
  }

  /**
   * @returns until when commitments can join in the bond of an answer that was taken away, Unix time, seconds; 0: nothing is divided.
   * @param claims the address of `Claims`.
   */
  async claimsUntil(claims: string, answerId: string): Promise<number> {
    return Number((await this.#call(claims, claimsInterface, "claimsOf", answerId))[0]);
  }

  /** @returns how much of the account's tokens the game may take. */
  async allowance(token: string, account: string): Promise<bigint> {
    return (await this.#call(token, tokenInterface, "allowance", account, this.game))[0] as bigint;
  }

  /** @returns the account's tokens, in the token's smallest unit. */
  async balanceOf(token: string, account: string): Promise<bigint> {
    return (await this.#call(token, tokenInterface, "balanceOf", account))[0] as bigint;
  }

  async meansOf(account: string, token: string): Promise<Means> {
    const balanceOf = tokenInterface.encodeFunctionData("balanceOf", [account]);
    const found = await this.#rpc.batch([
      { method: "eth_call", params: [{ to: token, data: balanceOf }, "latest"] },
      { method: "eth_getBalance", params: [account, "latest"] },
      { method: "eth_gasPrice", params: [] },
    ]);
    const [tokens, wei, gasPrice] = found.map((hex) => BigInt(hex as string)) as [bigint, bigint, bigint];
    return { tokens, wei, gasPrice };
  }

  /** @returns a token's name for people and its decimals. */
  async unitOf(token: string): Promise<{ symbol: string; decimals: number }> {
    const [[symbol], [decimals]] = await Promise.all([
      this.#call(token, tokenInterface, "symbol"),
      this.#call(token, tokenInterface, "decimals"),
    ]);
    return { symbol: symbol as string, decimals: Number(decimals) };
  }

  /** @returns a block's time: Unix time, seconds. */
  async timeOf(blockNumber: number): Promise<number> {
    const block = await this.#rpc.call<{ timestamp: string } | null>("eth_getBlockByNumber", [quantity(blockNumber), false]);
    if (block === null) throw new ChainUnavailableError(`the provider doesn't have block ${blockNumber}, which was read before`);
    return Number(block.timestamp);
  }

  async #call(to: string, abi: Interface, name: string, ...args: unknown[]): Promise<Result> {
    const result = await this.#rpc.call<string>("eth_call", [{ to, data: abi.encodeFunctionData(name, args) }, "latest"]);
    return abi.decodeFunctionResult(name, result);
  }
}

/** One demand, as the contract has it. Times in Unix seconds, amounts in wei. */
export interface DemandState {
  demander: string;
  deadline: number;
  chunks: number;
  published: number;
  collected: boolean;
  escrow: bigint;
  drawn: bigint;
}

/** What the publications contract says; every method is one `eth_call` at the latest block. */
export class PublicationViews {
  readonly #rpc: Rpc;
  readonly publications: string;

  constructor(rpc: Rpc, publications: string) {
    this.#rpc = rpc;
    this.publications = publications;
  }

  /** @returns what a byte of calldata costs at most by the contract's parameters, in gas. */
  async gasPerByte(): Promise<number> {
    const [{ gasPerByte }] = (await this.#call("parameters")) as unknown as [{ gasPerByte: bigint }];
    return Number(gasPerByte);
  }

  async demandOf(request: Request, answer: Answer, bundle: BundleName): Promise<DemandState> {
    const [found] = await this.#call("demandOf", request, answer, bundles.indexOf(bundle));
    const { demander, deadline, chunks, published, collected, escrow, drawn } = found as Result;
    const numbers = { deadline: Number(deadline), chunks: Number(chunks), published: Number(published) };
    return { demander, collected, escrow, drawn, ...numbers } as DemandState;
  }

  /** @returns what escrows owe the account, in wei. */
  async owed(account: string): Promise<bigint> {
    return (await this.#call("owed", account))[0] as bigint;
  }

  async #call(name: string, ...args: unknown[]): Promise<Result> {
    const data = publicationsInterface.encodeFunctionData(name, args);
    const result = await this.#rpc.call<string>("eth_call", [{ to: this.publications, data }, "latest"]);
    return publicationsInterface.decodeFunctionResult(name, result);
  }
}
