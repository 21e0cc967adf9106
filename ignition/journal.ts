import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Interface, type InterfaceAbi } from "ethers";
import type { ModuleParameters } from "./faults.ts";

/** A line of the journal that Ignition keeps of a deployment, as far as it is read here. */
interface Entry {
  type: string;
  futureId?: string;
  networkInteractionId?: number;
  nonce?: number;
  from?: string;
  artifactId?: string;
  constructorArgs?: unknown[];
  receipt?: { blockNumber: number; contractAddress?: string };
  result?: { type: string };
}

export interface Change {
  name: string;
  contract: string;
  deployedWith: string;
  now: string;
}

/** A transaction that was about to be sent when the process was killed. */
export interface Lost {
  futureId: string;
  networkInteractionId: number;
  from: string;
  nonce: number;
  /** A block that it can't be earlier than. */
  after: number;
}

const plain = (value: unknown): string =>
  typeof value === "object" && value !== null && "value" in value ? String(value.value) : String(value).replace(/^(\d+)n$/, "$1");

/** What Ignition has noted about one deployment. */
export class Journal {
  readonly #directory: string;
  readonly #entries: Entry[];

  /** @param directory of the deployment; need not exist yet. */
  constructor(directory: string) {
    this.#directory = directory;
    const file = join(directory, "journal.jsonl");
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
    // A killed process may leave half a line at the end.
    this.#entries = lines.flatMap((line) => {
      try {
        return line === "" ? [] : [JSON.parse(line) as Entry];
      } catch {
        return [];
      }
    });
  }

  /** Addresses of the contracts that were created. */
  get contracts(): string[] {
    return this.#entries.flatMap(({ receipt }) => receipt?.contractAddress ?? []);
  }

  /** Ignition's list of addresses is written in one piece at a time: a killed process may leave half of it. @returns its text anew. */
  get addresses(): string {
    const created = this.#entries.flatMap(({ futureId, receipt }) =>
      futureId === undefined || receipt?.contractAddress === undefined ? [] : [[futureId, receipt.contractAddress] as const],
    );
    return `${JSON.stringify(Object.fromEntries(created), null, 2)}\n`;
  }

  /** The block of the first transaction: nothing of the deployment happened before it. @throws where no block is noted. */
  get startBlock(): number {
    const [first] = this.#blocks;
    if (first === undefined) throw new Error(`the journal in ${this.#directory} has no transaction`);
    return first;
  }

  /** Blocks in which something happened, in order. */
  get #blocks(): number[] {
    return this.#entries.flatMap(({ receipt }) => (receipt === undefined ? [] : [receipt.blockNumber])).sort((a, b) => a - b);
  }

  /** Transactions of which only the intent is noted. */
  get lost(): Lost[] {
    const from = new Map<string, string>();
    const open = new Map<string, Lost>();
    const after = this.#blocks[0] ?? 0;
    for (const { type, futureId = "", networkInteractionId = 0, nonce, from: sender } of this.#entries) {
      if (sender !== undefined) from.set(futureId, sender);
      const key = `${futureId}/${networkInteractionId}`;
      if (type === "TRANSACTION_PREPARE_SEND")
        open.set(key, { futureId, networkInteractionId, nonce: nonce!, from: from.get(futureId)!, after });
      else if (type === "TRANSACTION_SEND") open.delete(key);
    }
    return [...open.values()];
  }

  /** The journal's text without the intent to send a transaction. */
  without({ futureId, networkInteractionId }: Lost): string {
    const kept = this.#entries.filter(
      (entry) =>
        !(entry.type === "TRANSACTION_PREPARE_SEND" && entry.futureId === futureId && entry.networkInteractionId === networkInteractionId),
    );
    return kept.map((entry) => `${JSON.stringify(entry)}\n`).join("");
  }

  /** Futures whose last attempt failed: nothing of theirs is on the chain, but Ignition doesn't try them again by itself. */
  get failed(): string[] {
    const last = new Map<string, boolean>();
    for (const { type, futureId, result } of this.#entries) {
      if (futureId === undefined) continue;
      if (type.endsWith("_EXECUTION_STATE_COMPLETE")) last.set(futureId, result?.type !== "SUCCESS");
      else if (type === "WIPE_APPLY" || type.endsWith("_EXECUTION_STATE_INITIALIZE")) last.delete(futureId);
    }
    return [...last].flatMap(([futureId, failed]) => (failed ? [futureId] : []));
  }

  /** Parameters with which the creation of a contract has begun, and that are others now. */
  changedSince(parameters: ModuleParameters): Change[] {
    const begun = new Map<string, Entry>();
    for (const entry of this.#entries) {
      if (entry.futureId === undefined) continue;
      if (entry.constructorArgs !== undefined) begun.set(entry.futureId, entry);
      else if (entry.type === "WIPE_APPLY") begun.delete(entry.futureId);
    }
    for (const future of this.failed) begun.delete(future);
    const changes: Change[] = [];
    for (const { artifactId, constructorArgs } of begun.values()) {
      if (constructorArgs === undefined || artifactId === undefined) continue;
      const contract = artifactId.split("#")[1]!;
      for (const [name, value] of this.#named(artifactId, constructorArgs)) {
        const [deployedWith, now] = [plain(value), plain(parameters[name])];
        if (parameters[name] !== undefined && deployedWith.toLowerCase() !== now.toLowerCase()) {
          changes.push({ name, contract, deployedWith, now });
        }
      }
    }
    return changes;
  }

  /** The arguments by the names of the constructor and of its structs. */
  #named(artifactId: string, args: readonly unknown[]): [name: string, value: unknown][] {
    const { abi } = JSON.parse(readFileSync(join(this.#directory, "artifacts", `${artifactId}.json`), "utf8")) as { abi: InterfaceAbi };
    return new Interface(abi).deploy.inputs.flatMap(({ name, baseType }, index) =>
      baseType === "tuple" ? Object.entries(args[index] as object) : [[name.replace(/_$/, ""), args[index]] as [string, unknown]],
    );
  }
}
