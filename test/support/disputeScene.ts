import { randomBytes } from "node:crypto";
import { Interface } from "ethers";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import type { Tolerance } from "../../oracle/canonical/tolerance.ts";
import { operatorInterface } from "../../oracle/chain/contracts.ts";
import { disputeInterface, outcomes, type OutcomeName } from "../../oracle/chain/disputeCalls.ts";
import { DisputeViews, type GameParameters } from "../../oracle/chain/disputeViews.ts";
import { quantity } from "../../oracle/chain/rpc.ts";
import { Signer } from "../../oracle/chain/signer.ts";
import { topicOf } from "../../oracle/cli/requests.ts";
import { transports } from "../../oracle/core/job.ts";
import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import type { LocalSystem } from "../../scripts/local/localSystem.ts";
import { startNetwork, type Network } from "./commandLine.ts";

export const tokens = (whole: bigint): bigint => whole * 10n ** 18n;
/** What stands behind every answer: ten tokens. */
export const bond = tokens(10n);
export const fee = 10n ** 16n;
/** Seconds; long enough that a request that was reopened stays open. */
export const submitPeriod = 36_000;

const testTokenInterface = new Interface(["function mint(address to, uint256 amount)"]);
const ether = `0x${"0".repeat(40)}`;
const burnAddress = "0x000000000000000000000000000000000000dEaD";

export interface RegisteredModel {
  modelId: string;
  model: CanonicalModel;
}

export interface ClosedDispute {
  disputeId: string;
  convicted: boolean;
  outcome: OutcomeName;
}

/** A local network with models, funded strangers, and what tests of disputes ask of it again and again. */
export class DisputeScene {
  readonly network: Network;
  readonly views: DisputeViews;
  readonly parameters: GameParameters;

  private constructor(network: Network, views: DisputeViews, parameters: GameParameters) {
    this.network = network;
    this.views = views;
    this.parameters = parameters;
  }

  /** @param parameters as `startNetwork` takes them. */
  static async open(parameters: Readonly<Record<string, number>> = {}): Promise<DisputeScene> {
    const network = await startNetwork(parameters);
    const { rpc, deployment } = network.system.chain;
    const views = new DisputeViews(rpc, deployment.disputeGame!);
    return new DisputeScene(network, views, await views.parameters());
  }

  get system(): LocalSystem {
    return this.network.system;
  }

  close(): Promise<void> {
    return this.network.close();
  }

  async registerModel(name: string, file: Uint8Array, tolerance: Tolerance): Promise<RegisteredModel> {
    const { modelId } = await this.system.registerModel("author", name, file, 250, tolerance);
    return { modelId, model: CanonicalModel.ofOnnx(file) };
  }

  /** @returns a new account with 100 ETH and stake tokens; `allows` may take them. */
  async account(amount: bigint, allows: string): Promise<Signer> {
    const { chain } = this.system;
    const signer = Signer.fromKey(`0x${randomBytes(32).toString("hex")}`);
    await chain.rpc.call("hardhat_setBalance", [signer.address, quantity(100n * 10n ** 18n)]);
    const token = chain.deployment.stakeToken;
    await this.system.send(signer, { to: token, data: testTokenInterface.encodeFunctionData("mint", [signer.address, amount]) });
    await chain.allow(signer, token, allows, amount);
    return signer;
  }

  /** @returns a new operator with that much stake that serves the models. */
  async operator(stake: bigint, models: readonly string[]): Promise<Signer> {
    const { chain } = this.system;
    const signer = await this.account(stake, chain.deployment.operatorRegistry);
    for (const call of [chain.calls.registerOperator(""), chain.calls.stake(stake), chain.calls.setServedModels(models, true)]) {
      await this.system.send(signer, call);
    }
    return signer;
  }

  /** @param challengeWindow seconds. @returns the requests' identities. */
  async request(
    modelId: string,
    inputs: readonly Tensor[],
    challengeWindow: number,
    count = 1,
    transport: number = transports.inline,
  ): Promise<string[]> {
    const { chain } = this.system;
    const params = { modelId, feeToken: ether, fee, bond, submitPeriod, challengeWindow, callbackGasLimit: 0, transport };
    const all = Array.from({ length: count }, () => params);
    const input = encodeBundle(inputs);
    const call = chain.calls.requestBatch(
      all,
      all.map(() => input),
    );
    const { logs } = await this.system.send("requester", call);
    return logs.filter(({ topics }) => topics[0] === topicOf("Requested")).map(({ topics }) => topics[1]!);
  }

  /** @returns how the disputes about a request were closed, in the order of their ends. */
  async closed(requestId: string): Promise<ClosedDispute[]> {
    const { chain } = this.system;
    const logs = await chain.logs(chain.deployment.disputeGame, [disputeInterface.getEvent("Closed")!.topicHash, null, requestId]);
    return logs.map((log) => {
      const { convicted, outcome } = disputeInterface.parseLog(log)!.args.toObject() as { convicted: boolean; outcome: bigint };
      return { disputeId: log.topics[1]!, convicted, outcome: outcomes[Number(outcome)]! };
    });
  }

  /** @returns what was taken from an operator's stake, whose the pool is that a part of it went to, and how much of it was burned. */
  async slashes(operator: string): Promise<{ beneficiary: string; amount: bigint; burned: bigint }[]> {
    const { chain } = this.system;
    const topics = [operatorInterface.getEvent("Slashed")!.topicHash, `0x${operator.slice(2).toLowerCase().padStart(64, "0")}`];
    return (await chain.logs(chain.deployment.operatorRegistry, topics)).map((log) => {
      const [, beneficiary, amount, burned] = operatorInterface.parseLog(log)!.args.toArray() as [string, string, bigint, bigint];
      return { beneficiary, amount, burned };
    });
  }

  /** @returns all stake tokens of an account: in its hands, staked, and owed to it. */
  async wealthOf(account: string): Promise<bigint> {
    const { chain } = this.system;
    const { stakeToken } = chain.deployment;
    const [held, owed, { stake }, reward] = await Promise.all([
      chain.balanceOf(account, stakeToken),
      this.views.owed(account),
      chain.views.stakeOf(account),
      this.rewardOf(account),
    ]);
    return held + owed + stake + reward;
  }

  /** @returns the tokens that nobody will have again, those that are only booked included. */
  async burned(): Promise<bigint> {
    const { chain } = this.system;
    const { operatorRegistry, stakeToken } = chain.deployment;
    const [burned, ofBonds, ofStakes] = await Promise.all([
      chain.balanceOf(burnAddress, stakeToken),
      this.views.owed(burnAddress),
      this.system.view({ address: operatorRegistry, abi: operatorInterface }, "owed", burnAddress),
    ]);
    return burned + ofBonds + (ofStakes[0] as bigint);
  }

  /** @returns the address of what divides the bonds of answers that were taken away. */
  async claims(): Promise<string> {
    return (await this.views.parts()).claims;
  }

  /** @returns an account's part of such bonds. */
  async rewardOf(account: string): Promise<bigint> {
    return this.views.rewardOf(await this.claims(), account);
  }
}
