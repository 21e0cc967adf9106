import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ContractFactory, HDNodeWallet, keccak256, Mnemonic, type InterfaceAbi } from "ethers";
import { Calls, modelInterface, Views, type ContractCall, type Deployment, type Model } from "../../oracle/chain/contracts.ts";
import { Rpc } from "../../oracle/chain/rpc.ts";
import { transact } from "../../oracle/chain/transact.ts";
import { Signer } from "../../oracle/chain/signer.ts";
import { encodeModel, model as onnxModel, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import type { RequestParams } from "../../oracle/core/job.ts";
import { encodeBundle } from "../../oracle/core/tensor.ts";
import type { TestChain } from "./chain.ts";

const phrase = Mnemonic.fromPhrase("test test test test test test test test test test test junk");

/** One of the local chain's funded accounts. */
export const keyOf = (index: number): string => HDNodeWallet.fromMnemonic(phrase, `m/44'/60'/0'/0/${index}`).privateKey;

const root = new URL("../../", import.meta.url);

function artifact(path: string): { abi: InterfaceAbi; bytecode: string } {
  return JSON.parse(readFileSync(new URL(path, root), "utf8")) as { abi: InterfaceAbi; bytecode: string };
}

const ours = (name: string, folder = "") => artifact(`artifacts/contracts/${folder}${name}.sol/${name}.json`);

export interface TestSystem {
  chain: TestChain;
  rpc: Rpc;
  deployment: Deployment;
  calls: Calls;
  views: Views;
  admin: Signer;
  operator: Signer;
  requester: Signer;
  send(signer: Signer, call: ContractCall): ReturnType<typeof transact>;
  /** Parameters of a cheap request of the test model. */
  params(over?: Partial<RequestParams>): RequestParams;
  modelId: string;
  close(): Promise<void>;
}

const feeCeiling = 10n ** 12n;
const day = 86_400;
/** Before deposited stake counts. */
const bondingBlocks = 100;

/** Two numbers a and b in, a + b out. */
export const testModel = encodeModel(
  onnxModel({
    name: "sum",
    nodes: [node("Add", ["a", "b"], ["sum"])],
    inputs: [valueInfo("a", "float32", [4]), valueInfo("b", "float32", [4])],
    outputs: [valueInfo("sum", "float32", [4])],
  }),
);

/** @returns the encoded input of a request that the test model answers with 4 times `a + b`. */
export function testInput(a: number, b: number): Uint8Array {
  const tensor = (value: number) => ({
    dtype: "float32" as const,
    shape: [4],
    data: new Uint8Array(new Float32Array(4).fill(value).buffer),
  });
  return encodeBundle([tensor(a), tensor(b)]);
}

/**
 * Deploys the contracts, registers the test model and a staked operator that serves it.
 * @param folder where files are put.
 * @param minBond of a request, which is also what requests ask for where they say nothing else.
 */
export async function deploySystem(chain: TestChain, folder: string, minBond = 1000n): Promise<TestSystem> {
  try {
    return await deploy(chain, folder, minBond);
  } catch (error) {
    await chain.close();
    throw error;
  }
}

async function deploy(chain: TestChain, folder: string, minBond: bigint): Promise<TestSystem> {
  const rpc = new Rpc({ urls: [chain.http] });
  const [admin, operator, requester] = [0, 1, 2].map((index) => Signer.fromKey(keyOf(index))) as [Signer, Signer, Signer];
  const send = (signer: Signer, call: ContractCall) => transact(rpc, signer, call, { feeCeiling, pollMs: 5 });
  const create = async ({ abi, bytecode }: { abi: InterfaceAbi; bytecode: string }, ...args: unknown[]) => {
    const { data } = await new ContractFactory(abi, bytecode).getDeployTransaction(...args);
    return (await send(admin, { to: "", data })).contractAddress!;
  };
  const token = await create(ours("TestToken", "test/"));
  const authority = await create(artifact("node_modules/@openzeppelin/contracts/build/contracts/AccessManager.json"), admin.address);
  const modelRegistry = await create(ours("ModelRegistry"), authority);
  const operatorRegistry = await create(ours("OperatorRegistry"), authority, token, modelRegistry, 30 * day, day, bondingBlocks);
  const coordinator = await create(ours("InferenceCoordinator"), authority, operatorRegistry, admin.address, {
    protocolFeeBps: 100,
    minChallengeWindow: 1,
    maxChallengeWindow: day,
    minSubmitPeriod: 5,
    maxSubmitPeriod: day,
    maxCallbackGas: 1_000_000,
    minBond,
    maxBondMultiple: 65_535,
  });
  const deployment: Deployment = { chainId: chain.chainId, coordinator, operatorRegistry, modelRegistry, startBlock: 0 };
  const calls = new Calls(deployment);
  const call = (to: string, signature: string, ...args: unknown[]) => ({
    to,
    data: new ContractFactory([`function ${signature}`], "0x").interface.encodeFunctionData(signature.split("(")[0]!, args),
  });
  await send(admin, call(modelRegistry, "bindCoordinator(address coordinator)", coordinator));
  await send(admin, call(operatorRegistry, "bindCoordinator(address coordinator)", coordinator));

  const artifactFile = join(folder, "sum.onnx");
  await mkdir(folder, { recursive: true });
  await writeFile(artifactFile, testModel);
  const spec = (name: string) => ({ name, dtype: "float32" as const, shape: [4], deltaAbsolute: 0, deltaRelative: 0 });
  const zero = `0x${"0".repeat(64)}`;
  const record: Model = {
    artifactHash: keccak256(testModel),
    artifactURI: pathToFileURL(artifactFile).href,
    programRoot: zero,
    weightRoot: zero,
    inputs: [spec("a"), spec("b")],
    outputs: [spec("sum")],
    author: admin.address,
    royaltyBps: 0,
  };
  const { logs } = await send(admin, calls.registerModel(record));
  const modelId = modelInterface.parseLog(logs[0]!)!.args.modelId as string;

  const stake = 10n ** 24n;
  await send(operator, calls.registerOperator(""));
  await send(operator, call(token, "mint(address to, uint256 amount)", operator.address, stake));
  await send(operator, call(token, "approve(address spender, uint256 amount)", operatorRegistry, stake));
  await send(operator, calls.stake(stake));
  await send(operator, calls.setServedModels([modelId], true));
  // Not by `hardhat_mine`: the blocks that it leaves out have no parents that a node could follow.
  await rpc.batch(Array.from({ length: bondingBlocks }, () => ({ method: "evm_mine", params: [] })));
  await send(operator, calls.activateStake(operator.address));
  return {
    chain,
    rpc,
    deployment,
    calls,
    views: new Views(rpc, deployment),
    admin,
    operator,
    requester,
    send,
    modelId,
    params: (changes = {}) => ({
      modelId,
      feeToken: `0x${"0".repeat(40)}`,
      fee: 10n ** 15n,
      bond: minBond,
      submitPeriod: 600,
      challengeWindow: 2,
      callbackGasLimit: 0,
      transport: 0,
      ...changes,
    }),
    async close() {
      rpc.close();
      await chain.close();
    },
  };
}
