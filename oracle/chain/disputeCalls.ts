/** Calldata for every move of a dispute; makes no calls itself. */
import { AbiCoder, Interface } from "ethers";
import type { ChunkProof } from "../core/chunks.ts";
import { bundles, type BundleName } from "../core/demandFacts.ts";
import { bytesOfStates } from "../core/dispute/segments.ts";
import type { Answer, Request } from "../core/job.ts";
import { keccak256 } from "../core/traceTree.ts";
import { claimsAbi, disputeGameAbi, publicationsAbi } from "./abi.ts";
import type { ContractCall } from "./contracts.ts";
import { bytesOf, hexOf } from "./rpc.ts";

export const disputeInterface = new Interface(disputeGameAbi);
export const claimsInterface = new Interface(claimsAbi);
export const publicationsInterface = new Interface(publicationsAbi);

/** The order of the contract's `Outcome`. */
export const outcomes = ["NONE", "STEP_EQUAL", "STEP_DIFFERENT", "OPERATOR_TIMEOUT", "CHALLENGER_TIMEOUT", "ANSWER_VOIDED"] as const;
export type OutcomeName = (typeof outcomes)[number];

/** The order of the contract's `Turn`. */
export const turns = ["NONE", "DEFEND", "REVEAL", "PICK", "CLOSED", "SUMS", "SEGMENT", "VOIDED"] as const;

/** An operator's proof that an element is right, as `defend` takes it; canonical/dispute/moves.ts builds it. */
export interface DefenceArguments {
  posted: { tensorRoots: Uint8Array[]; tensorTop: Uint8Array; leaf: Uint8Array; siblings: Uint8Array[] };
  canonical: {
    header: Uint8Array;
    instructionsTop: Uint8Array;
    traceTop: Uint8Array;
    leaf: Uint8Array;
    siblings: Uint8Array[];
    choice: string;
  };
  children: Uint8Array;
}

const hash = (types: readonly string[], values: readonly unknown[]): string =>
  hexOf(keccak256(bytesOf(AbiCoder.defaultAbiCoder().encode(types, values))));

/** @returns what the game keeps about an answer by: the digest of request and answer. */
export function answerIdOf(requestId: string, { operator, outputRoot, submittedAt }: Answer): string {
  return hash(["bytes32", "address", "bytes32", "uint256"], [requestId, operator, outputRoot, submittedAt]);
}

export class DisputeCalls {
  /** The game's address. */
  readonly game: string;
  readonly #chainId: number;

  constructor({ chainId, disputeGame }: { chainId: number; disputeGame: string }) {
    this.game = disputeGame;
    this.#chainId = chainId;
  }

  /** @returns a challenge's commitment, which becomes the dispute's identity. */
  commitmentOf(answerId: string, tensor: number, element: number, salt: string, challenger: string): string {
    return hash(
      ["uint256", "address", "bytes32", "uint8", "uint32", "bytes32", "address"],
      [this.#chainId, this.game, answerId, tensor, element, salt, challenger],
    );
  }

  commitChallenge = (commitment: string) => this.#call("commitChallenge", commitment);
  challenge = (request: Request, answer: Answer, tensor: number, element: number, salt: string) =>
    this.#call("challenge", request, answer, tensor, element, salt);
  pick = (disputeId: string, child: number, childHash: Uint8Array, siblings: readonly Uint8Array[]) =>
    this.#call("pick", disputeId, child, childHash, siblings);
  step = (disputeId: string, request: Request, answer: Answer, leaf: Uint8Array, word: number, proof: string) =>
    this.#call("step", disputeId, request, answer, leaf, word, proof);
  pickSums = (disputeId: string, shown: Uint8Array, index: number) => this.#call("pickSums", disputeId, shown, index);
  stepSegment = (disputeId: string, request: Request, answer: Answer, states: Uint8Array, proof: string) =>
    this.#call("stepSegment", disputeId, request, answer, states, proof);
  retract = (request: Request, answer: Answer) => this.#call("retract", request, answer);
  defend = (disputeId: string, request: Request, answer: Answer, { posted, canonical, children }: DefenceArguments) =>
    this.#call("defend", disputeId, request, answer, posted, canonical, children);
  reveal = (disputeId: string, children: Uint8Array) => this.#call("reveal", disputeId, children);
  revealSums = (disputeId: string, request: Request, answer: Answer, states: readonly (readonly bigint[])[]) =>
    this.#call("revealSums", disputeId, request, answer, bytesOfStates(states));
  timeout = (disputeId: string, request: Request, answer: Answer) => this.#call("timeout", disputeId, request, answer);
  closeVoided = (disputeId: string, request: Request, answer: Answer) => this.#call("closeVoided", disputeId, request, answer);
  /** Pays the account its bonds. */
  withdraw = (account: string) => this.#call("withdraw", account);

  #call(name: string, ...args: unknown[]): ContractCall {
    return { to: this.game, data: disputeInterface.encodeFunctionData(name, args) };
  }
}

/** Calldata for who shares in the bond of an answer that was taken away. */
export class ClaimCalls {
  /** The address of `Claims`. */
  readonly claims: string;

  constructor(claims: string) {
    this.claims = claims;
  }

  join = (request: Request, answer: Answer, tensor: number, element: number, salt: string) =>
    this.#call("join", request, answer, tensor, element, salt);
  claimDispute = (disputeId: string, request: Request, answer: Answer) => this.#call("claimDispute", disputeId, request, answer);
  claimJoined = (request: Request, answer: Answer, tensor: number, element: number, salt: string, challenger: string) =>
    this.#call("claimJoined", request, answer, tensor, element, salt, challenger);
  claimDemand = (request: Request, answer: Answer, bundle: BundleName) =>
    this.#call("claimDemand", request, answer, bundles.indexOf(bundle));
  claimRest = (request: Request, answer: Answer) => this.#call("claimRest", request, answer);
  /** Pays the account what has been booked for it. */
  withdraw = (account: string) => this.#call("withdraw", account);

  #call(name: string, ...args: unknown[]): ContractCall {
    return { to: this.claims, data: claimsInterface.encodeFunctionData(name, args) };
  }
}

/** A chunk with what shows where it lies. */
export interface Chunk {
  /** Of the model's program. */
  head: { header: Uint8Array; instructionsTop: Uint8Array };
  proof: ChunkProof;
  data: Uint8Array;
}

/** Calldata for demanding and publishing an answer's bytes or its input's. */
export class PublicationCalls {
  /** The address of `Publications`. */
  readonly publications: string;

  constructor(publications: string) {
    this.publications = publications;
  }

  /** @param escrow wei; at least what `quote` says. */
  demand = (request: Request, answer: Answer, bundle: BundleName, escrow: bigint): ContractCall => ({
    ...this.#call("demand", request, answer, bundles.indexOf(bundle)),
    value: escrow,
  });
  /** @param amount wei, added to the escrow. */
  raiseEscrow = (request: Request, answer: Answer, bundle: BundleName, amount: bigint): ContractCall => ({
    ...this.#call("raiseEscrow", request, answer, bundles.indexOf(bundle)),
    value: amount,
  });
  publish = (request: Request, answer: Answer, bundle: BundleName, number: number, { head, proof, data }: Chunk) => {
    const { header, instructionsTop } = head;
    return this.#call("publish", request, answer, bundles.indexOf(bundle), number, { header, instructionsTop, ...proof }, data);
  };
  timeout = (request: Request, answer: Answer, bundle: BundleName) => this.#call("timeout", request, answer, bundles.indexOf(bundle));
  collect = (request: Request, answer: Answer, bundle: BundleName) => this.#call("collect", request, answer, bundles.indexOf(bundle));
  /** Pays the account what escrows owe it. */
  withdraw = (account: string) => this.#call("withdraw", account);

  #call(name: string, ...args: unknown[]): ContractCall {
    return { to: this.publications, data: publicationsInterface.encodeFunctionData(name, args) };
  }
}
