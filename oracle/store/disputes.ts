import { openTurns, type DisputeFacts } from "../core/dispute/facts.ts";
import type { Answer } from "../core/job.ts";
import type { Database } from "./database.ts";
import { fromJson, toJson } from "./json.ts";

export interface DisputeRow extends DisputeFacts {
  disputeId: string;
}

/** What an operator showed of its trace: the hashes of a node's children, or a leaf's words. */
export interface Reveal {
  height: number;
  position: number;
  children: Uint8Array;
}

/** RIGHT: within tolerance. WRONG: `tensor` and `element` are off. UNKNOWN: can't be told (the model has no program, the input isn't there). */
export type Verdict = "RIGHT" | "WRONG" | "UNKNOWN";

export interface Check {
  answerId: string;
  requestId: string;
  answer: Answer;
  verdict: Verdict;
  /** Where it is wrong; null where it isn't. */
  tensor: number | null;
  element: number | null;
  /** Of this node's challenge. */
  salt: string | null;
  commitment: string | null;
}

/** An answer that waits to be checked. */
export interface Unchecked {
  requestId: string;
  operator: string;
  /** Whether bytes of the answer or of its input must be fetched. */
  byURI: boolean;
}

interface CheckRow {
  answer_id: string;
  request_id: string;
  answer: string;
  verdict: Verdict;
  tensor: number | null;
  element: number | null;
  salt: string | null;
  commitment: string | null;
}

const toRow = ({ dispute_id: disputeId, facts }: { dispute_id: string; facts: string }): DisputeRow => ({
  ...fromJson<DisputeFacts>(facts),
  disputeId,
});

const toCheck = (row: CheckRow): Check => ({
  answerId: row.answer_id,
  requestId: row.request_id,
  answer: fromJson<Answer>(row.answer),
  verdict: row.verdict,
  tensor: row.tensor,
  element: row.element,
  salt: row.salt,
  commitment: row.commitment,
});

/** @param item an SQL expression. @returns an SQL condition: no claim of it is on its way or was made. */
const unclaimed = (item: string) =>
  `NOT EXISTS (SELECT 1 FROM transaction_items WHERE kind = 'claim' AND live = 1 AND transaction_items.request_id = ${item})`;

/** Disputes as the chain tells them, and what this node knows about others' answers. */
export class DisputeStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(disputeId: string): DisputeRow | undefined {
    const row = this.#db.get<{ dispute_id: string; facts: string }>(
      "SELECT dispute_id, facts FROM disputes WHERE dispute_id = ?",
      disputeId,
    );
    return row && toRow(row);
  }

  /** @returns open disputes in which the account has that part, the first deadline first. */
  open(part: "operator" | "challenger", account: string): DisputeRow[] {
    return this.#db
      .all<{ dispute_id: string; facts: string }>(
        `SELECT dispute_id, facts FROM disputes WHERE turn IN (${openTurns.map(() => "?").join(", ")}) AND ${part} = ?
         ORDER BY json_extract(facts, '$.deadline')`,
        ...openTurns,
        account,
      )
      .map(toRow);
  }

  /** @returns everything that was revealed about an answer. */
  reveals(answerId: string): Reveal[] {
    return this.#db
      .all<{ payload: string }>(
        "SELECT payload FROM events WHERE kind = 'Revealed' AND json_extract(payload, '$.answerId') = ? ORDER BY block_number, log_index",
        answerId,
      )
      .map(({ payload }) => {
        const { height, position, children } = fromJson<{ height: number; position: number; children: string }>(payload);
        return { height, position, children: Uint8Array.from(Buffer.from(children.slice(2), "hex")) };
      });
  }

  /** @returns the states that the operator showed of a segment of a word's reduction, as bytes; undefined where it hasn't. */
  sums(answerId: string, leaf: number, word: number, path: number): Uint8Array | undefined {
    const row = this.#db.get<{ payload: string }>(
      `SELECT payload FROM events WHERE kind = 'SumsRevealed' AND json_extract(payload, '$.answerId') = ?
         AND json_extract(payload, '$.leaf') = ? AND json_extract(payload, '$.word') = ? AND json_extract(payload, '$.path') = ?`,
      answerId,
      leaf,
      word,
      path,
    );
    return row && Uint8Array.from(Buffer.from(fromJson<{ states: string }>(row.payload).states.slice(2), "hex"));
  }

  /** @returns an answer as it was posted: its bytes, or where they lie. */
  posted(requestId: string, outputRoot: string): { bytes: Uint8Array; uri: string } | undefined {
    return this.#db.get("SELECT bytes, uri FROM posted WHERE request_id = ? AND output_root = ?", requestId, outputRoot);
  }

  /** Durable: a commitment whose salt were lost could never be opened. */
  saveCheck({ answerId, requestId, answer, verdict, tensor, element, salt, commitment }: Check): void {
    this.#db.durableTransaction(() =>
      this.#db.run(
        `INSERT OR REPLACE INTO checks (answer_id, request_id, answer, verdict, tensor, element, salt, commitment)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        answerId,
        requestId,
        toJson(answer),
        verdict,
        tensor,
        element,
        salt,
        commitment,
      ),
    );
  }

  check(answerId: string): Check | undefined {
    const row = this.#db.get<CheckRow>("SELECT * FROM checks WHERE answer_id = ?", answerId);
    return row && toCheck(row);
  }

  checkOfCommitment(commitment: string): Check | undefined {
    const row = this.#db.get<CheckRow>("SELECT * FROM checks WHERE commitment = ?", commitment);
    return row && toCheck(row);
  }

  /** @returns requests with an answer that this node hasn't looked at: those whose bytes are all here first, then the earliest window's end. */
  unchecked(chainTime: number, limit: number): Unchecked[] {
    return this.#db
      .all<{ request_id: string; operator: string; by_uri: number }>(
        `SELECT jobs.request_id, json_extract(jobs.answer, '$.operator') AS operator, (input_uri <> '' OR coalesce(posted.uri, '') <> '') AS by_uri
         FROM jobs LEFT JOIN posted ON posted.request_id = jobs.request_id AND posted.output_root = json_extract(jobs.answer, '$.outputRoot')
         WHERE status IN ('SUBMITTED', 'SUSPENDED') AND finalizable_at > ? AND NOT EXISTS (
           SELECT 1 FROM checks WHERE checks.request_id = jobs.request_id
             AND checks.answer = jobs.answer
         ) ORDER BY by_uri, finalizable_at LIMIT ?`,
        chainTime,
        limit,
      )
      .map(({ request_id: requestId, operator, by_uri }) => ({ requestId, operator, byURI: by_uri === 1 }));
  }

  /** @returns how many answers were found right, wrong, or could not be told. */
  verdicts(): Record<string, number> {
    const rows = this.#db.all<{ verdict: string; count: number }>("SELECT verdict, count(*) AS count FROM checks GROUP BY verdict");
    return Object.fromEntries(rows.map(({ verdict, count }) => [verdict, count]));
  }

  /** @returns answers that were found wrong and stand on the chain, so that they can be challenged: the largest bond first, then the earliest window's end. */
  wrong(): Check[] {
    return this.#db
      .all<CheckRow>(
        `SELECT checks.* FROM checks JOIN jobs USING (request_id) WHERE checks.verdict = 'WRONG' AND jobs.status IN ('SUBMITTED', 'SUSPENDED')
         AND checks.answer = jobs.answer
         ORDER BY length(jobs.bond) DESC, jobs.bond DESC, jobs.finalizable_at`,
      )
      .map(toCheck);
  }

  /**
   * @returns wrong answers that were taken away before this node's commitment was opened, and whose part of the bond it has not claimed: their
   * commitments may still become claims.
   */
  overtaken(): Check[] {
    return this.#db
      .all<CheckRow>(
        `SELECT checks.* FROM checks JOIN jobs USING (request_id) JOIN disputes ON disputes.dispute_id = checks.commitment
         WHERE checks.verdict = 'WRONG' AND disputes.turn = 'COMMITTED' AND checks.answer IS NOT jobs.answer AND ${unclaimed("checks.commitment")}`,
      )
      .map(toCheck);
  }

  /** @returns the account's disputes about answers that were taken away, whose part of the bond it has not claimed. */
  unclaimed(account: string): { disputeId: string; requestId: string; answer: Answer }[] {
    return this.#db
      .all<{ dispute_id: string; request_id: string; answer: string }>(
        `SELECT disputes.dispute_id, disputes.request_id, checks.answer FROM disputes JOIN checks ON checks.commitment = disputes.dispute_id
         WHERE disputes.turn = 'CLOSED' AND disputes.challenger = ? AND ${unclaimed("disputes.dispute_id")}
           AND (json_extract(disputes.facts, '$.convicted') OR json_extract(disputes.facts, '$.outcome') = 'ANSWER_VOIDED')`,
        account,
      )
      .map(({ dispute_id, request_id, answer }) => ({
        disputeId: dispute_id,
        requestId: request_id,
        answer: fromJson<Answer>(answer),
      }));
  }
}
