import type { Answer, ChainStatus, Job, Request, SelfVerdict, TransactionState, WorkState } from "../core/job.ts";
import type { SelfCheck } from "../core/selfCheck.ts";
import type { Database } from "./database.ts";
import { fromJson } from "./json.ts";

interface JobRow {
  request_id: string;
  request: string;
  status: ChainStatus;
  answer: string | null;
  finalizable_at: number | null;
  deadline: number;
  convicted: string;
  work: WorkState;
  reason: string | null;
  starts: number;
  crashes: number;
  retry_at: number;
  output_root: string | null;
  self_check: SelfCheck | null;
  checked_root: string | null;
  verdict: SelfVerdict | null;
  submission: TransactionState | null;
  finalization: TransactionState | null;
}

const stateOf = (kind: string) => `(
  SELECT t.state FROM transaction_items i JOIN transactions t ON t.id = i.transaction_id
  WHERE i.request_id = jobs.request_id AND i.kind = '${kind}' AND i.live = 1
)`;

const columns = `request_id, request, status, answer, finalizable_at, deadline, convicted, work, reason, starts, crashes, retry_at, output_root,
  self_check, checked_root, verdict,
  ${stateOf("submit")} AS submission, ${stateOf("finalize")} AS finalization`;

function toJob(row: JobRow): Job {
  const answer = row.answer === null ? null : fromJson<Answer>(row.answer);
  return {
    requestId: row.request_id,
    request: fromJson<Request>(row.request),
    status: row.status,
    answer,
    finalizableAt: row.finalizable_at,
    submitDeadline: row.deadline,
    convicted: fromJson<string[]>(row.convicted),
    work: row.work,
    reason: row.reason,
    starts: row.starts,
    crashes: row.crashes,
    retryAt: row.retry_at,
    outputRoot: row.output_root,
    selfCheck: row.self_check,
    verdict: answer !== null && answer.outputRoot === row.checked_root ? row.verdict : null,
    submission: row.submission,
    finalization: row.finalization,
  };
}

export interface Evaluation {
  outputRoot: string;
  /** The encoded output tensors. */
  output: Uint8Array;
  /** Where the bytes can be fetched by others; empty where they travel in the transaction. */
  outputUri: string;
  selfCheck: SelfCheck;
  provider: string;
  inferenceMilliseconds: number;
  /** Unix time, milliseconds. */
  startedAt: number;
  endedAt: number;
}

/** A job that waits, and where it stands in the line. */
export interface Waiting {
  requestId: string;
  deadline: number;
  row: number;
}

/** When a job passed its stations: Unix time in milliseconds, null where it hasn't. For people and measurements. */
export interface JobTiming {
  requestId: string;
  blockNumber: number;
  seenAt: number;
  evaluationStartedAt: number | null;
  evaluatedAt: number | null;
  /** Milliseconds in the model itself. */
  inferenceMilliseconds: number | null;
  sentAt: number | null;
  finalizationSentAt: number | null;
}

/** Jobs as rows: what the stages share. */
export class JobStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(requestId: string): Job | undefined {
    const row = this.#db.get<JobRow>(`SELECT ${columns} FROM jobs WHERE request_id = ?`, requestId);
    return row === undefined ? undefined : toJob(row);
  }

  /**
   * @param after the last one of the page before.
   * @returns open requests that wait to be evaluated, the most urgent first.
   */
  toEvaluate(limit: number, after: Waiting = { requestId: "", deadline: -1, row: -1 }): Waiting[] {
    return this.#db.all<Waiting>(
      `SELECT request_id AS requestId, deadline, rowid AS row FROM jobs
       WHERE status = 'REQUESTED' AND work = 'NEW' AND (deadline, rowid) > (?, ?) ORDER BY deadline, rowid LIMIT ?`,
      after.deadline,
      after.row,
      limit,
    );
  }

  /**
   * @param chainTime seconds; what is to be tried again later is left out until its deadline.
   * @returns open requests whose answer is ready and in no live transaction, the most urgent first.
   */
  toSubmit(chainTime: number, limit: number): Job[] {
    return this.#db
      .all<JobRow>(
        `SELECT ${columns} FROM jobs WHERE status = 'REQUESTED' AND work = 'EVALUATED' AND submission IS NULL
         AND (retry_at <= ? OR deadline <= ?) ORDER BY deadline, rowid LIMIT ?`,
        chainTime,
        chainTime,
        limit,
      )
      .map(toJob);
  }

  /** @returns open requests that wait for the canonical outputs, the most urgent first. */
  toCheckBefore(limit: number): Job[] {
    return this.#db
      .all<JobRow>(`SELECT ${columns} FROM jobs WHERE status = 'REQUESTED' AND work = 'UNCHECKED' ORDER BY deadline, rowid LIMIT ?`, limit)
      .map(toJob);
  }

  /**
   * @param chainTime seconds.
   * @returns this operator's answers that can be retracted and aren't known to be right, or of no interest; the oldest first.
   */
  toCheckAfter(operator: string, chainTime: number, limit: number): Job[] {
    return this.#db
      .all<JobRow>(
        `SELECT ${columns} FROM jobs WHERE self_check IS NOT 'NEVER' AND json_extract(answer, '$.operator') = ?
           AND (status = 'SUSPENDED' OR (status = 'SUBMITTED' AND finalizable_at > ?))
         AND (verdict IS NOT 'RIGHT' OR checked_root <> json_extract(answer, '$.outputRoot'))
         ORDER BY json_extract(answer, '$.submittedAt') LIMIT ?`,
        operator,
        chainTime,
        limit,
      )
      .map(toJob);
  }

  /**
   * @param chainTime seconds; what isn't due, or is to be tried again later, is left out.
   * @returns this operator's answers that are in no live finalization, the earliest window's end first.
   */
  toFinalize(operator: string, chainTime: number, limit: number): Job[] {
    return this.#db
      .all<JobRow>(
        `SELECT ${columns} FROM jobs WHERE status = 'SUBMITTED' AND json_extract(answer, '$.operator') = ? AND finalization IS NULL
         AND finalizable_at <= ? AND retry_at <= ? ORDER BY finalizable_at LIMIT ?`,
        operator,
        chainTime,
        chainTime,
        limit,
      )
      .map(toJob);
  }

  /** @returns this operator's answers that stand on the chain, its bond locked behind each. */
  standing(operator: string): Job[] {
    return this.#db
      .all<JobRow>(
        `SELECT ${columns} FROM jobs WHERE status IN ('SUBMITTED', 'SUSPENDED') AND json_extract(answer, '$.operator') = ? ORDER BY rowid`,
        operator,
      )
      .map(toJob);
  }

  /** @returns the sum of the bonds of answers that are ready or on their way, but not on the chain yet. */
  bondsOnTheWay(): bigint {
    const rows = this.#db.all<{ bond: string }>("SELECT bond FROM jobs WHERE status = 'REQUESTED' AND work IN ('UNCHECKED', 'EVALUATED')");
    return rows.reduce((sum, { bond }) => sum + BigInt(bond), 0n);
  }

  /** @returns the sum of the bonds of an operator's open answers to a requester, those on their way to the chain included. */
  lockedFor(operator: string, requester: string): bigint {
    const rows = this.#db.all<{ bond: string }>(
      `SELECT bond FROM jobs WHERE json_extract(request, '$.requester') = ? AND (
         (status IN ('SUBMITTED', 'SUSPENDED') AND json_extract(answer, '$.operator') = ?)
         OR (status = 'REQUESTED' AND work IN ('UNCHECKED', 'EVALUATED')))`,
      requester,
      operator,
    );
    return rows.reduce((sum, { bond }) => sum + BigInt(bond), 0n);
  }

  /** Why a job waits, for people. */
  note(requestId: string, reason: string): void {
    this.#db.run("UPDATE jobs SET reason = ? WHERE request_id = ?", reason, requestId);
  }

  input(requestId: string): { bytes: Uint8Array | null; uri: string } {
    const row = this.#db.get<{ bytes: Uint8Array | null; uri: string }>(
      "SELECT inputs.bytes AS bytes, input_uri AS uri FROM jobs LEFT JOIN inputs USING (request_id) WHERE request_id = ?",
      requestId,
    );
    return row ?? { bytes: null, uri: "" };
  }

  output(requestId: string): { bytes: Uint8Array; uri: string } | undefined {
    return this.#db.get<{ bytes: Uint8Array; uri: string }>(
      "SELECT outputs.bytes AS bytes, coalesce(output_uri, '') AS uri FROM jobs JOIN outputs USING (request_id) WHERE request_id = ?",
      requestId,
    );
  }

  /** Counts an evaluation as begun before it begins, so that one that kills the node is counted too. */
  beginEvaluations(requestIds: readonly string[]): void {
    this.#db.transaction(() => {
      for (const requestId of requestIds) this.#db.run("UPDATE jobs SET starts = starts + 1 WHERE request_id = ?", requestId);
    });
  }

  /** An evaluation ended, if without a result: the node outlived it. */
  endEvaluation(requestId: string): void {
    this.#db.run("UPDATE jobs SET starts = max(starts - 1, 0) WHERE request_id = ?", requestId);
  }

  completeEvaluations(evaluations: readonly (Evaluation & { requestId: string })[]): void {
    this.#db.transaction(() => {
      for (const done of evaluations) {
        this.#db.run("INSERT OR REPLACE INTO outputs (request_id, bytes) VALUES (?, ?)", done.requestId, done.output);
        this.#db.run(
          `UPDATE jobs SET work = ?, reason = NULL, retry_at = 0, output_root = ?, output_uri = ?, self_check = ?, provider = ?,
             inference_ms = ?, evaluation_started_at = ?, evaluated_at = ? WHERE request_id = ?`,
          done.selfCheck === "BEFORE" ? "UNCHECKED" : "EVALUATED",
          done.outputRoot,
          done.outputUri,
          done.selfCheck,
          done.provider,
          done.inferenceMilliseconds,
          done.startedAt,
          done.endedAt,
          done.requestId,
        );
      }
    });
  }

  /** The canonical outputs take the place of the runtime's: the answer is ready. */
  completeCheckBefore(requestId: string, { outputRoot, output, outputUri }: Pick<Evaluation, "outputRoot" | "output" | "outputUri">): void {
    this.#db.transaction(() => {
      this.#db.run("INSERT OR REPLACE INTO outputs (request_id, bytes) VALUES (?, ?)", requestId, output);
      this.#db.run(
        `UPDATE jobs SET work = 'EVALUATED', output_root = ?, output_uri = ?, checked_root = ?, verdict = 'RIGHT'
         WHERE request_id = ? AND work = 'UNCHECKED'`,
        outputRoot,
        outputUri,
        outputRoot,
        requestId,
      );
    });
  }

  completeCheckAfter(requestId: string, outputRoot: string, verdict: SelfVerdict): void {
    this.#db.run("UPDATE jobs SET checked_root = ?, verdict = ? WHERE request_id = ?", outputRoot, verdict, requestId);
  }

  decideSelfCheck(requestId: string, selfCheck: SelfCheck): void {
    this.#db.run("UPDATE jobs SET self_check = ? WHERE request_id = ?", selfCheck, requestId);
  }

  /** The work failed in a way that may pass: it is tried again from `retryAt` (chain time, seconds). */
  postpone(requestId: string, reason: string, retryAt: number): void {
    this.#db.run("UPDATE jobs SET reason = ?, retry_at = ? WHERE request_id = ?", reason, retryAt, requestId);
  }

  recordCrash(requestId: string, reason: string, retryAt: number): void {
    this.#db.run("UPDATE jobs SET crashes = crashes + 1, reason = ?, retry_at = ? WHERE request_id = ?", reason, retryAt, requestId);
  }

  giveUp(requestId: string, work: "DECLINED" | "QUARANTINED", reason: string): void {
    this.#db.run("UPDATE jobs SET work = ?, reason = ? WHERE request_id = ?", work, reason, requestId);
  }

  /** @param at Unix time in milliseconds, for measurements. The first time counts. */
  markSent(requestIds: readonly string[], kind: "submit" | "finalize", at: number): void {
    const column = kind === "submit" ? "sent_at" : "finalization_sent_at";
    this.#db.transaction(() => {
      for (const requestId of requestIds) {
        this.#db.run(`UPDATE jobs SET ${column} = coalesce(${column}, ?) WHERE request_id = ?`, at, requestId);
      }
    });
  }

  /** @returns how many jobs stand where, as `status/work`. */
  counts(): Record<string, number> {
    const rows = this.#db.all<{ name: string; count: number }>(
      "SELECT status || '/' || work AS name, count(*) AS count FROM jobs GROUP BY name ORDER BY name",
    );
    return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
  }

  timings(): JobTiming[] {
    return this.#db.all<JobTiming>(
      `SELECT request_id AS requestId, block_number AS blockNumber, seen_at AS seenAt, evaluation_started_at AS evaluationStartedAt,
         evaluated_at AS evaluatedAt, inference_ms AS inferenceMilliseconds, sent_at AS sentAt, finalization_sent_at AS finalizationSentAt
       FROM jobs ORDER BY rowid`,
    );
  }
}
