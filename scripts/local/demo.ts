import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { hexlify } from "ethers";
import { buildFaceDetector } from "../../examples/faceDetector/model.ts";
import { readPicture, twoPeople } from "../../examples/faceDetector/picture.ts";
import { renderLine } from "../../examples/recogniser/line.ts";
import { alphabet, buildRecogniser } from "../../examples/recogniser/model.ts";
import type { Receipt } from "../../oracle/cli/chain.ts";
import { findRequest, topicOf, type RequestStory } from "../../oracle/cli/requests.ts";
import { encodeBundle } from "../../oracle/core/tensor.ts";
import { rootOfBundleBytes } from "../../oracle/core/traceTree.ts";
import type { DeployedContract, LocalSystem } from "./localSystem.ts";

/** Seconds of real time in which an answer of the demonstration may be challenged. */
export const challengeWindow = 4;
export const line = "assay the answer 42";
export const fee = 2n * 10n ** 16n;
const bond = 10n * 10n ** 18n;
/** What the deployer of a consumer pins; see contracts/consumer/PinnedTermsConsumer.sol. */
export interface Terms {
  fee: bigint;
  bond: bigint;
  submitPeriod: number;
  challengeWindow: number;
  callbackGasLimit: number;
}

export const terms: Terms = { fee, bond, submitPeriod: 120, challengeWindow, callbackGasLimit: 2_000_000 };
/** 2^-15 absolute: an honest runtime errs by some 2e-6. */
export const detectorTolerance = { absolute: 0x38000000, relative: 0 };
/** The recogniser answers with whole numbers, which must be equal. */
const recogniserTolerance = { absolute: 0, relative: 0 };
/** Probability 3/4. */
const faceThreshold = 1_098_612_288_668_109_691n;

/** Gas of one transaction and what it did. */
export interface Cost {
  what: string;
  gasUsed: bigint;
}

/** One inference as the demonstration saw it; times in milliseconds from the moment at which the request was in its block. */
export interface Asked {
  requestId: string;
  answeredMs: number;
  finalMs: number;
  story: RequestStory;
}

export interface Face {
  centreX: number;
  centreY: number;
  width: number;
  height: number;
  probability: number;
}

/** Where the picture's pixels lie for everybody who needs them. */
export const pictureFile = ({ directory }: LocalSystem): string => join(directory, "inputs", "picture.bundle");

/** @param terms on which the contract asks whoever sends it a picture. */
export const deployFaceConsumer = (system: LocalSystem, modelId: string, terms: Terms): Promise<DeployedContract> =>
  system.deploy("requester", "examples/FaceConsumer", system.chain.deployment.coordinator, modelId, false, terms, faceThreshold);

export class Demo {
  readonly costs: Cost[] = [];
  readonly #system: LocalSystem;
  readonly #signal: AbortSignal;
  #reader: DeployedContract | undefined;
  #looker: DeployedContract | undefined;

  constructor(system: LocalSystem, signal: AbortSignal) {
    this.#system = system;
    this.#signal = signal;
  }

  #cost(what: string, { gasUsed }: { gasUsed: bigint }): void {
    this.costs.push({ what, gasUsed });
  }

  /** @returns the identities of recogniser and face detector. */
  async registerModels(): Promise<[recogniser: string, detector: string]> {
    const ids: string[] = [];
    for (const [name, build, tolerance] of [
      ["recogniser", buildRecogniser, recogniserTolerance],
      ["face-detector", buildFaceDetector, detectorTolerance],
    ] as const) {
      const { modelId, gasUsed } = await this.#system.registerModel("author", name, build(), 250, tolerance);
      this.#cost(`register the model ${name}`, { gasUsed });
      ids.push(modelId);
    }
    return [ids[0]!, ids[1]!];
  }

  async registerOperator(models: readonly string[]): Promise<void> {
    const { register, stake, serve } = await this.#system.registerOperator({ account: "operator", stake: 1000n, models });
    this.#cost("register the operator", { gasUsed: register });
    this.#cost("deposit its stake", { gasUsed: stake });
    this.#cost("say which models it serves", { gasUsed: serve });
  }

  async deployConsumers([recogniser, detector]: readonly [string, string]): Promise<void> {
    const { coordinator } = this.#system.chain.deployment;
    const codes = Buffer.alloc(3 * alphabet.length);
    alphabet.forEach((character, i) => codes.writeUIntBE(character.codePointAt(0) ?? 0, 3 * i, 3));
    this.#reader = await this.#system.deploy("requester", "examples/TextConsumer", coordinator, recogniser, false, terms, hexlify(codes));
    this.#cost("deploy TextConsumer with its alphabet", this.#reader);
    this.#looker = await deployFaceConsumer(this.#system, detector, terms);
    this.#cost("deploy FaceConsumer", this.#looker);
  }

  /** TextConsumer asks what is written on a rendered line, whose pixels travel in the transaction. */
  async askForText(): Promise<{ asked: Asked; text: string }> {
    const bundle = encodeBundle([await renderLine(line)]);
    const asked = await this.#ask("TextConsumer", this.#reader!, "read", bundle);
    const [text] = await this.#system.view(this.#reader!, "textOf", asked.requestId);
    return { asked, text: text as string };
  }

  /** FaceConsumer asks for the faces in a picture, whose pixels lie behind a URI: 48 KiB would cost two million gas in the transaction. */
  async askForFaces(): Promise<{ asked: Asked; faces: Face[] }> {
    const bundle = encodeBundle([await readPicture(twoPeople)]);
    const path = pictureFile(this.#system);
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, bundle);
    const root = hexlify(rootOfBundleBytes(bundle));
    const asked = await this.#ask("FaceConsumer", this.#looker!, "look", root, pathToFileURL(path).href);
    const [found] = await this.#system.view(this.#looker!, "facesOf", asked.requestId);
    const faces = (found as bigint[][]).map((face) => {
      const [centreX, centreY, width, height, score] = face.map((value) => Number(value) / 1e18) as [
        number,
        number,
        number,
        number,
        number,
      ];
      return { centreX, centreY, width, height, probability: 1 / (1 + Math.exp(-score)) };
    });
    return { asked, faces };
  }

  async #ask(name: string, contract: DeployedContract, method: string, ...args: unknown[]): Promise<Asked> {
    const data = contract.abi.encodeFunctionData(method, args);
    const receipt = await this.#system.send("requester", { to: contract.address, data, value: fee });
    const from = performance.now();
    this.#cost(`request by ${name}`, receipt);
    const requestId = receipt.logs.find(({ topics }) => topics[0] === topicOf("Requested"))!.topics[1]!;
    const answeredMs = (await this.#reached(requestId, "Submitted", receipt)) - from;
    const finalMs = (await this.#reached(requestId, "Finalized", receipt)) - from;
    const story = await findRequest(this.#system.chain, requestId);
    for (const [event, what] of [
      ["Submitted", `answer for ${name}`],
      ["Finalized", `finalize with callback to ${name}`],
    ] as const) {
      const { transaction } = story.events.find((one) => one.name === event)!;
      const { gasUsed } = await this.#system.chain.rpc.call<{ gasUsed: string }>("eth_getTransactionReceipt", [transaction]);
      this.#cost(what, { gasUsed: BigInt(gasUsed) });
    }
    if (story.delivered !== true) throw new Error(`the callback to ${name} failed`);
    return { requestId, answeredMs, finalMs, story };
  }

  /** @returns when the event was seen. */
  async #reached(requestId: string, event: "Submitted" | "Finalized", { blockNumber }: Receipt): Promise<number> {
    const deadline = performance.now() + 90_000;
    while (performance.now() < deadline) {
      const { coordinator } = this.#system.chain.deployment;
      const logs = await this.#system.chain.logs(coordinator, [topicOf(event), requestId], blockNumber);
      if (logs.length > 0) return performance.now();
      await sleep(20, undefined, { signal: this.#signal });
    }
    throw new Error(`request ${requestId} saw no ${event} in 90 s; the node's log is in ${this.#system.directory}`);
  }

  /** @returns what operator and author earned, in wei. */
  async earnings(): Promise<{ operator: bigint; author: bigint }> {
    const owed = (account: "operator" | "author") =>
      this.#system.chain.views.owed(this.#system.signer(account).address, `0x${"0".repeat(40)}`);
    return { operator: await owed("operator"), author: await owed("author") };
  }
}
