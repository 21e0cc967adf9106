import { foldEvents, firstDeadline, type ChainFacts, type Request, type RequestEvent } from "../core/job.ts";
import { demandEventKinds, foldDemand, type BundleName, type DemandEvent } from "../core/demandFacts.ts";
import { disputeEventKinds, foldDispute, type DisputeEvent } from "../core/dispute/facts.ts";
import type { Database } from "./database.ts";
import { fromJson, toJson } from "./json.ts";

/** A block that was read. `timestamp` is Unix time in seconds. */
export interface Block {
  number: number;
  hash: string;
  timestamp: number;
}

export interface Place {
  blockNumber: number;
  blockHash: string;
  logIndex: number;
}

/** The input of a request as its event carried it: bytes, or where they lie. */
export interface RequestInput {
  bytes: Uint8Array;
  uri: string;
}

export type LoggedEvent = Place &
  (
    | { subject: string; event: RequestEvent; input?: RequestInput; posted?: RequestInput }
    | { subject: string; event: DisputeEvent }
    | { subject: string; event: DemandEvent }
    | { subject: string; event: { kind: "ServedModelSet"; served: boolean } }
  );

const isDisputeEvent = (kind: string): kind is DisputeEvent["kind"] => (disputeEventKinds as readonly string[]).includes(kind);
const isDemandEvent = (kind: string): kind is DemandEvent["kind"] => (demandEventKinds as readonly string[]).includes(kind);

/** What was read of the chain, and what it says about each job. Only the last blocks are kept: as many as a reorganisation may undo. */
export class ChainLog {
  readonly #db: Database;
  readonly #keptBlocks: number;
  #served: ReadonlyMap<string, number> | undefined;

  constructor(db: Database, keptBlocks = 256) {
    this.#db = db;
    this.#keptBlocks = keptBlocks;
  }

  /** @returns the last block that was read, or undefined where none was. */
  head(): Block | undefined {
    return this.#db.get<Block>("SELECT number, hash, timestamp FROM blocks ORDER BY number DESC LIMIT 1");
  }

  /** @returns the hash of a block that was read and is still kept. */
  hashOf(number: number): string | undefined {
    return this.#db.get<{ hash: string }>("SELECT hash FROM blocks WHERE number = ?", number)?.hash;
  }

  /**
   * @returns whether this block was read: what happened in it is known, and undone where it is undone.
   * Of blocks that are older than those that are kept, the number tells.
   */
  hasRead(number: number, hash: string): boolean {
    const head = this.head();
    return head !== undefined && number <= head.number && (this.hashOf(number) ?? hash) === hash;
  }

  /** @returns the time of a block that is still kept: Unix time, seconds. */
  timeOf(number: number): number | undefined {
    return this.#db.get<{ timestamp: number }>("SELECT timestamp FROM blocks WHERE number = ?", number)?.timestamp;
  }

  /** @returns kept blocks below `number`, newest first. */
  blocksBelow(number: number, limit: number): Block[] {
    return this.#db.all<Block>("SELECT number, hash, timestamp FROM blocks WHERE number < ? ORDER BY number DESC LIMIT ?", number, limit);
  }

  /**
   * Stores what was read up to `blocks`' last, all or nothing. Storing the same again changes nothing.
   * @param seenAt Unix time in milliseconds, for measurements.
   * @returns how many of the events were new.
   */
  append(blocks: readonly Block[], events: readonly LoggedEvent[], seenAt: number): number {
    return this.#db.transaction(() => {
      let added = 0;
      const touched = new Set<string>();
      const disputes = new Set<string>();
      const demands = new Set<string>();
      for (const logged of events) {
        const { kind, ...payload } = logged.event;
        const changed = this.#db.run(
          `INSERT INTO events (block_number, log_index, block_hash, kind, subject, payload) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET block_hash = excluded.block_hash, kind = excluded.kind, subject = excluded.subject,
             payload = excluded.payload WHERE block_hash <> excluded.block_hash`,
          logged.blockNumber,
          logged.logIndex,
          logged.blockHash,
          kind,
          logged.subject,
          toJson(payload),
        );
        added += changed;
        if (logged.event.kind === "ServedModelSet") this.#served = undefined;
        if (changed === 0 || logged.event.kind === "ServedModelSet") continue;
        if (isDisputeEvent(logged.event.kind)) {
          disputes.add(logged.subject);
          continue;
        }
        if (isDemandEvent(logged.event.kind)) {
          demands.add(logged.subject);
          continue;
        }
        touched.add(logged.subject);
        if (logged.event.kind === "Requested") this.#addJob(logged, logged.event.request, seenAt);
        if (logged.event.kind === "Submitted" && "posted" in logged)
          this.#addPosted(logged.subject, logged.event.answer.outputRoot, logged.posted!);
      }
      for (const disputeId of disputes) this.#refoldDispute(disputeId);
      for (const subject of demands) this.#refoldDemand(subject);
      for (const requestId of touched) this.#refold(requestId);
      for (const { number, hash, timestamp } of blocks) {
        this.#db.run("INSERT OR REPLACE INTO blocks (number, hash, timestamp) VALUES (?, ?, ?)", number, hash, timestamp);
      }
      const last = blocks.at(-1);
      if (last !== undefined) this.#db.run("DELETE FROM blocks WHERE number < ?", last.number - this.#keptBlocks);
      return added;
    });
  }

  /**
   * Forgets every block above `number` and what it said; jobs fall back to what is left.
   * @returns the number of blocks forgotten.
   */
  undoAbove(number: number): number {
    this.#served = undefined;
    return this.#db.transaction(() => {
      const touched = this.#db.all<{ subject: string; kind: string }>(
        "SELECT DISTINCT subject, kind FROM events WHERE block_number > ?",
        number,
      );
      this.#db.run("DELETE FROM events WHERE block_number > ?", number);
      for (const { subject, kind } of touched) {
        if (isDisputeEvent(kind)) this.#refoldDispute(subject);
        else if (isDemandEvent(kind)) this.#refoldDemand(subject);
        else this.#refold(subject);
      }
      this.#unsettleAbove(number);
      return this.#db.run("DELETE FROM blocks WHERE number > ?", number);
    });
  }

  /**
   * What was settled in a block that is undone waits to be mined again, with the items that nothing else took up since.
   * What was only sent is sent again: it may have been in those blocks, too.
   */
  #unsettleAbove(number: number): void {
    const undone = "SELECT id FROM transactions WHERE state IN ('MINED', 'FAILED') AND mined_in_block > ?";
    this.#db.run(`UPDATE OR IGNORE transaction_items SET live = 1 WHERE transaction_id IN (${undone}) AND live = 0`, number);
    this.#db.run(`UPDATE transactions SET state = 'SENT', mined_in_block = NULL WHERE id IN (${undone})`, number);
    this.#db.run("UPDATE transactions SET sent_in_block = NULL WHERE state = 'SENT'");
  }

  /** @returns the models that the operator serves, as far as the chain has been read. */
  servedModels(): ReadonlyMap<string, number> {
    return (this.#served ??= this.#readServedModels());
  }

  #readServedModels(): ReadonlyMap<string, number> {
    const rows = this.#db.all<{ subject: string; payload: string; block_number: number }>(
      "SELECT subject, payload, block_number FROM events WHERE kind = 'ServedModelSet' ORDER BY block_number, log_index",
    );
    const served = new Map<string, number>();
    for (const { subject, payload, block_number } of rows) {
      if (!fromJson<{ served: boolean }>(payload).served) served.delete(subject);
      else if (!served.has(subject)) served.set(subject, block_number);
    }
    return served;
  }

  #addJob({ subject, blockNumber, input }: LoggedEvent & { input?: RequestInput }, request: Request, seenAt: number): void {
    this.#db.run(
      `INSERT INTO jobs (request_id, request, input_uri, status, deadline, bond, block_number, seen_at) VALUES (?, ?, ?, 'REQUESTED', ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET block_number = excluded.block_number`,
      subject,
      toJson(request),
      input?.uri ?? "",
      firstDeadline(request),
      request.params.bond.toString(),
      blockNumber,
      seenAt,
    );
    if (input !== undefined && input.bytes.length > 0) {
      this.#db.run("INSERT OR IGNORE INTO inputs (request_id, bytes) VALUES (?, ?)", subject, input.bytes);
    }
  }

  #addPosted(requestId: string, outputRoot: string, { bytes, uri }: RequestInput): void {
    this.#db.run(
      "INSERT OR IGNORE INTO posted (request_id, output_root, bytes, uri) VALUES (?, ?, ?, ?)",
      requestId,
      outputRoot,
      bytes,
      uri,
    );
  }

  #eventsOf<T>(subject: string): T[] {
    return this.#db
      .all<{ kind: string; payload: string }>(
        "SELECT kind, payload FROM events WHERE subject = ? ORDER BY block_number, log_index",
        subject,
      )
      .map(({ kind, payload }) => ({ kind, ...fromJson<object>(payload) }) as T);
  }

  #refoldDispute(disputeId: string): void {
    const facts = foldDispute(this.#eventsOf<DisputeEvent>(disputeId));
    if (facts === null) {
      this.#db.run("DELETE FROM disputes WHERE dispute_id = ?", disputeId);
      return;
    }
    this.#db.run(
      "INSERT OR REPLACE INTO disputes (dispute_id, request_id, challenger, operator, turn, facts) VALUES (?, ?, ?, ?, ?, ?)",
      disputeId,
      facts.requestId,
      facts.challenger,
      facts.operator,
      facts.turn,
      toJson(facts),
    );
  }

  #refoldDemand(subject: string): void {
    const [answerId, bundle] = subject.split(" ") as [string, BundleName];
    const facts = foldDemand(this.#eventsOf<DemandEvent>(subject));
    if (facts === null) {
      this.#db.run("DELETE FROM demands WHERE answer_id = ? AND bundle = ?", answerId, bundle);
      return;
    }
    this.#db.run(
      "INSERT OR REPLACE INTO demands (answer_id, bundle, request_id, operator, demander, collected, facts) VALUES (?, ?, ?, ?, ?, ?, ?)",
      answerId,
      bundle,
      facts.requestId,
      facts.operator,
      facts.demander,
      facts.collected ? 1 : 0,
      toJson(facts),
    );
  }

  #refold(requestId: string): void {
    const facts: ChainFacts = foldEvents(this.#eventsOf<RequestEvent>(requestId));
    this.#db.run(
      "UPDATE jobs SET status = ?, answer = ?, finalizable_at = ?, deadline = ?, convicted = ? WHERE request_id = ?",
      facts.status,
      facts.answer === null ? null : toJson(facts.answer),
      facts.finalizableAt,
      facts.submitDeadline,
      toJson(facts.convicted),
      requestId,
    );
  }
}
