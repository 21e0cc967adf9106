import { Interface, keccak256 as fastKeccak, type Result } from "ethers";
import type { ProgramHead } from "../core/programHead.ts";
import type { Answer, Request, RequestParams } from "../core/job.ts";
import { originFields } from "../core/origin.ts";
import { dtypeOfCode, dtypes, type Dtype } from "../core/tensor.ts";
import { keccak256 } from "../core/traceTree.ts";
import { claimsInterface, disputeInterface, publicationsInterface } from "./disputeCalls.ts";
import { inferenceCoordinatorAbi, modelRegistryAbi, operatorRegistryAbi } from "./abi.ts";
import { bytesOf, hexOf, type Rpc, type RpcError } from "./rpc.ts";

/** Where the contracts of one deployment lie. */
export interface Deployment {
  chainId: number;
  coordinator: string;
  operatorRegistry: string;
  modelRegistry: string;
  /** Where answers are disputed; without it a node neither defends nor challenges. */
  disputeGame?: string | undefined;
  /** Where bytes are demanded and published: the dispute game's own. */
  publications?: string | undefined;
  /** The block that created the coordinator, or any before it: events are read from here. */
  startBlock: number;
}

// The library's own keccak is ten times slower, and whole transactions are hashed.
fastKeccak.register((data) => hexOf(keccak256(data)));

export const coordinatorInterface = new Interface(inferenceCoordinatorAbi);
export const operatorInterface = new Interface(operatorRegistryAbi);
export const modelInterface = new Interface(modelRegistryAbi);

export const erc20Interface = new Interface([
  "function approve(address spender, uint256 amount) returns (bool)",
  "function transfer(address to, uint256 amount) returns (bool)",
  "function balanceOf(address account) view returns (uint256)",
  "function allowance(address owner, address spender) view returns (uint256)",
]);

export interface TensorSpec {
  name: string;
  dtype: Dtype;
  shape: number[];
  /** Tolerance of an output, as binary32 bits. */
  deltaAbsolute: number;
  deltaRelative: number;
}

export interface Model {
  artifactHash: string;
  artifactURI: string;
  programRoot: string;
  weightRoot: string;
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  author: string;
  royaltyBps: number;
}

/** Of a model without a program. */
export const noProgram: ProgramHead = { instructionsTop: new Uint8Array(32), header: new Uint8Array() };

/** Amounts in the stake token's smallest unit, times in Unix seconds. */
export interface OperatorAccount {
  stake: bigint;
  locked: bigint;
  unbonding: bigint;
  unbondsAt: number;
  /** Deposited, but not counting before block `bondsAt`, nor before it is activated. */
  bonding: bigint;
  bondsAt: number;
  /** May make the operator's dispute moves; the zero address: nobody. */
  delegate: string;
  registered: boolean;
  endpoint: string;
}

export const statuses = ["NONE", "REQUESTED", "EXPIRED", "SUBMITTED", "SUSPENDED", "FINALIZABLE", "FINALIZED", "REFUNDED"] as const;
export type Status = (typeof statuses)[number];

export const noAnswer: Answer = { operator: `0x${"0".repeat(40)}`, outputRoot: `0x${"0".repeat(64)}`, submittedAt: 0 };

export function toParams(result: Result): RequestParams {
  const { modelId, feeToken, fee, bond, submitPeriod, challengeWindow, callbackGasLimit, transport } = result;
  return {
    modelId: modelId as string,
    feeToken: feeToken as string,
    fee: fee as bigint,
    bond: bond as bigint,
    submitPeriod: Number(submitPeriod),
    challengeWindow: Number(challengeWindow),
    callbackGasLimit: Number(callbackGasLimit),
    transport: Number(transport),
  };
}

/** @param blockHash of the block that the request was made in, where it is known. */
export function toRequest(result: Result, blockHash: string | null = null): Request {
  const origin = result.origin as bigint;
  return {
    params: toParams(result.params as Result),
    inputRoot: result.inputRoot as string,
    requester: result.requester as string,
    origin,
    blockHash,
    ...originFields(origin),
  };
}

const fromSpec = ({ name, dtype, shape, deltaAbsolute, deltaRelative }: TensorSpec) => ({
  name,
  dtype: dtypes[dtype].code,
  shape,
  deltaAbsolute,
  deltaRelative,
});

const toSpec = (result: Result): TensorSpec => ({
  name: result.name as string,
  dtype: dtypeOfCode(Number(result.dtype)),
  shape: (result.shape as unknown as bigint[]).map(Number),
  deltaAbsolute: Number(result.deltaAbsolute),
  deltaRelative: Number(result.deltaRelative),
});

function toModel(result: Result): Model {
  return {
    artifactHash: result.artifactHash as string,
    artifactURI: result.artifactURI as string,
    programRoot: result.programRoot as string,
    weightRoot: result.weightRoot as string,
    inputs: (result.inputs as Result).map((spec) => toSpec(spec as Result)),
    outputs: (result.outputs as Result).map((spec) => toSpec(spec as Result)),
    author: result.author as string,
    royaltyBps: Number(result.royaltyBps),
  };
}

/** A call to be made on the chain: what to send where. `value` in wei. */
export interface ContractCall {
  to: string;
  data: string;
  value?: bigint;
}

/** Calldata for every move of the protocol; makes no calls itself. */
export class Calls {
  readonly deployment: Deployment;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  registerOperator = (endpoint: string) => this.#operators("register", endpoint);
  setServedModels = (modelIds: readonly string[], served: boolean) => this.#operators("setServedModels", modelIds, served);
  stake = (amount: bigint) => this.#operators("stake", amount);
  startUnbonding = (amount: bigint) => this.#operators("startUnbonding", amount);
  activateStake = (operator: string) => this.#operators("activateStake", operator);
  setDelegate = (delegate: string) => this.#operators("setDelegate", delegate);
  withdrawStake = (to: string) => this.#operators("withdraw", to);

  registerModel = (model: Model, { instructionsTop, header }: ProgramHead = noProgram): ContractCall => ({
    to: this.deployment.modelRegistry,
    data: modelInterface.encodeFunctionData("registerModel", [
      { ...model, inputs: model.inputs.map(fromSpec), outputs: model.outputs.map(fromSpec) },
      instructionsTop,
      header,
    ]),
  });

  /** @param value wei; the fee, where it is paid in ETH. */
  request = (params: RequestParams, input: Uint8Array): ContractCall => ({
    ...this.#coordinator("request", params, input),
    value: ethFee(params),
  });
  requestByURI = (params: RequestParams, inputRoot: string, inputURI: string): ContractCall => ({
    ...this.#coordinator("requestByURI", params, inputRoot, inputURI),
    value: ethFee(params),
  });
  requestBatch = (params: readonly RequestParams[], inputs: readonly Uint8Array[]): ContractCall => ({
    ...this.#coordinator("requestBatch", params, inputs),
    value: params.reduce((sum, one) => sum + ethFee(one), 0n),
  });
  refund = (request: Request) => this.#coordinator("refund", request);
  submit = (request: Request, output: Uint8Array) => this.#coordinator("submit", request, output);
  submitByURI = (request: Request, outputRoot: string, outputURI: string) =>
    this.#coordinator("submitByURI", request, outputRoot, outputURI);
  submitBatch = (requests: readonly Request[], outputs: readonly Uint8Array[]) => this.#coordinator("submitBatch", requests, outputs);
  finalize = (request: Request, answer: Answer, output: Uint8Array) => this.#coordinator("finalize", request, answer, output);
  finalizeBatch = (requests: readonly Request[], answers: readonly Answer[], outputs: readonly Uint8Array[]) =>
    this.#coordinator("finalizeBatch", requests, answers, outputs);
  deliver = (request: Request, answer: Answer, output: Uint8Array) => this.#coordinator("deliver", request, answer, output);
  withdrawOwed = (token: string, to: string) => this.#coordinator("withdraw", token, to);

  #operators(name: string, ...args: unknown[]): ContractCall {
    return { to: this.deployment.operatorRegistry, data: operatorInterface.encodeFunctionData(name, args) };
  }

  #coordinator(name: string, ...args: unknown[]): ContractCall {
    return { to: this.deployment.coordinator, data: coordinatorInterface.encodeFunctionData(name, args) };
  }
}

const zeroAddress = `0x${"0".repeat(40)}`;
const ethFee = ({ feeToken, fee }: RequestParams) => (feeToken === zeroAddress ? fee : 0n);

/** What the contracts say; every method is one `eth_call` at the latest block. */
export class Views {
  readonly #rpc: Rpc;
  readonly deployment: Deployment;

  constructor(rpc: Rpc, deployment: Deployment) {
    this.#rpc = rpc;
    this.deployment = deployment;
  }

  async operator(address: string): Promise<OperatorAccount> {
    const [account] = await this.#call(this.deployment.operatorRegistry, operatorInterface, "operatorOf", address);
    const { stake, locked, unbonding, unbondsAt, bonding, bondsAt, delegate, registered, endpoint } = account as Result;
    const times = { unbondsAt: Number(unbondsAt), bondsAt: Number(bondsAt) };
    return { stake, locked, unbonding, bonding, ...times, delegate, registered, endpoint } as OperatorAccount;
  }

  /** @returns the operator's stake, its part that counts for eligibility and its free part, in the stake token's smallest unit. */
  async stakeOf(address: string): Promise<{ stake: bigint; active: bigint; free: bigint }> {
    const { operatorRegistry, coordinator } = this.deployment;
    const [account, parts] = await this.#batch([
      [operatorRegistry, operatorInterface, "operatorOf", address],
      [coordinator, coordinatorInterface, "stakeOf", address],
    ]);
    return { stake: (account![0] as Result).stake as bigint, active: parts!.active as bigint, free: parts!.free as bigint };
  }

  async activeStake(address: string): Promise<{ active: bigint; total: bigint }> {
    const result = await this.#call(this.deployment.operatorRegistry, operatorInterface, "activeStake", address);
    return { active: result.active as bigint, total: result.total as bigint };
  }

  async serves(address: string, modelId: string): Promise<boolean> {
    return (await this.#call(this.deployment.operatorRegistry, operatorInterface, "serves", address, modelId))[0] as boolean;
  }

  async stakeToken(): Promise<string> {
    return (await this.#call(this.deployment.operatorRegistry, operatorInterface, "stakeToken"))[0] as string;
  }

  /** @returns blocks after a request's own in which the draw decides who may answer. */
  async exclusiveBlocks(): Promise<number> {
    return Number((await this.#call(this.deployment.coordinator, coordinatorInterface, "exclusiveBlocks"))[0]);
  }

  async unbondingPeriod(): Promise<number> {
    return Number((await this.#call(this.deployment.operatorRegistry, operatorInterface, "unbondingPeriod"))[0]);
  }

  /** @throws RpcError where the model is unknown and the registry refuses. */
  async model(modelId: string): Promise<Model> {
    return toModel((await this.#call(this.deployment.modelRegistry, modelInterface, "modelOf", modelId))[0] as Result);
  }

  async status(request: Request, answer: Answer = noAnswer): Promise<Status> {
    return statuses[Number((await this.#call(this.deployment.coordinator, coordinatorInterface, "statusOf", request, answer))[0])]!;
  }

  async isEligible(request: Request, operator: string): Promise<boolean> {
    return (await this.#call(this.deployment.coordinator, coordinatorInterface, "isEligible", request, operator))[0] as boolean;
  }

  /** @returns what the account may withdraw, in `token`'s smallest unit (zero address: wei). */
  async owed(account: string, token: string): Promise<bigint> {
    return (await this.#call(this.deployment.coordinator, coordinatorInterface, "owed", account, token))[0] as bigint;
  }

  async #call(...call: ViewCall): Promise<Result> {
    return (await this.#batch([call]))[0]!;
  }

  async #batch(calls: readonly ViewCall[]): Promise<Result[]> {
    const results = await this.#rpc.batch(
      calls.map(([to, abi, name, ...args]) => ({
        method: "eth_call",
        params: [{ to, data: abi.encodeFunctionData(name, args) }, "latest"],
      })),
    );
    return calls.map(([, abi, name], i) => abi.decodeFunctionResult(name, results[i] as string));
  }
}

type ViewCall = [to: string, abi: Interface, name: string, ...args: unknown[]];

/** @returns keccak-256 of recipient, value and calldata: the identity of what a transaction does. */
export function intentOf({ to, data, value = 0n }: ContractCall): string {
  return hexOf(keccak256(bytesOf(`${to}${value.toString(16).padStart(64, "0")}${data.slice(2)}`)));
}

/** @returns what a contract said when it refused, like `NotServing(0x…, 0x…)`; undefined where the refusal isn't a contract's. */
export function revertReason({ data }: RpcError): string | undefined {
  const nested = typeof data === "object" && data !== null && "data" in data ? data.data : data;
  if (typeof nested !== "string" || nested.length < 10) return undefined;
  for (const abi of [coordinatorInterface, operatorInterface, modelInterface, disputeInterface, publicationsInterface, claimsInterface]) {
    const parsed = abi.parseError(nested);
    if (parsed !== null) return `${parsed.name}(${parsed.args.map(String).join(", ")})`;
  }
  return undefined;
}
