import type { BundleName, DemandFacts } from "../core/demandFacts.ts";
import { chunkCount, tensorsOf, type TensorType } from "../core/chunks.ts";
import { encodeBundle } from "../core/tensor.ts";
import type { Answer } from "../core/job.ts";
import type { Database } from "./database.ts";
import { fromJson } from "./json.ts";

export interface DemandRow extends DemandFacts {
  answerId: string;
  bundle: BundleName;
}

interface Row {
  answer_id: string;
  bundle: BundleName;
  facts: string;
}

const toDemand = ({ answer_id: answerId, bundle, facts }: Row): DemandRow => ({ ...fromJson<DemandFacts>(facts), answerId, bundle });

/** @returns what the events of a demand are filed under. */
export const demandSubject = (answerId: string, bundle: BundleName): string => `${answerId} ${bundle}`;

/** Demands as the chain tells them, and what was published for them. */
export class DemandStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(answerId: string, bundle: BundleName): DemandRow | undefined {
    const row = this.#db.get<Row>("SELECT answer_id, bundle, facts FROM demands WHERE answer_id = ? AND bundle = ?", answerId, bundle);
    return row && toDemand(row);
  }

  /** @returns demands whose escrow has not been divided and that the account made, or must meet. */
  open(part: "operator" | "demander", account: string): DemandRow[] {
    return this.#db
      .all<Row>(`SELECT answer_id, bundle, facts FROM demands WHERE collected = 0 AND ${part} = ? ORDER BY rowid`, account)
      .map(toDemand);
  }

  /** @returns demands that nobody has met or ended, whoever made them. */
  unmet(): DemandRow[] {
    return this.#db
      .all<Row>("SELECT answer_id, bundle, facts FROM demands ORDER BY rowid")
      .map(toDemand)
      .filter(({ published, chunks, unpublished }) => published < chunks && !unpublished);
  }

  /** @returns demands whose bytes were all published, and for which this node still knows no more than a URI. */
  untaken(): DemandRow[] {
    return this.#db
      .all<Row>(
        `SELECT demands.answer_id, demands.bundle, demands.facts FROM demands JOIN jobs USING (request_id)
         LEFT JOIN posted ON posted.request_id = jobs.request_id AND posted.output_root = json_extract(jobs.answer, '$.outputRoot')
         WHERE (bundle = 'OUTPUT' AND posted.uri <> '') OR (bundle = 'INPUT' AND input_uri <> '')`,
      )
      .map(toDemand)
      .filter(({ published, chunks }) => published === chunks);
  }

  /** @returns the account's demands that were not met, and whose part of the bond it has not claimed. */
  unclaimed(account: string): DemandRow[] {
    return this.#db
      .all<Row>(
        `SELECT answer_id, bundle, facts FROM demands WHERE demander = ? AND NOT EXISTS (
           SELECT 1 FROM transaction_items WHERE kind = 'claim' AND live = 1 AND transaction_items.request_id = answer_id || ' ' || bundle)`,
        account,
      )
      .map(toDemand)
      .filter(({ published, chunks }) => published < chunks);
  }

  /** Published bytes take the place of the answer's URI: they stay right whatever is reorganised, since the root commits to them. */
  keepOutput(requestId: string, outputRoot: string, bytes: Uint8Array): void {
    this.#db.run("UPDATE posted SET bytes = ?, uri = '' WHERE request_id = ? AND output_root = ?", bytes, requestId, outputRoot);
  }

  /** As `keepOutput`, for the request's input. */
  keepInput(requestId: string, bytes: Uint8Array): void {
    this.#db.transaction(() => {
      this.#db.run("INSERT OR REPLACE INTO inputs (request_id, bytes) VALUES (?, ?)", requestId, bytes);
      this.#db.run("UPDATE jobs SET input_uri = '' WHERE request_id = ?", requestId);
    });
  }

  /** @returns how many divided escrows the account has a part of. */
  divided(account: string): number {
    return this.#db.get<{ count: number }>(
      "SELECT count(*) AS count FROM demands WHERE collected = 1 AND ? IN (operator, demander)",
      account,
    )!.count;
  }

  /** @returns every answer that a request was given, those included that were taken away. */
  answers(requestId: string): Answer[] {
    return this.#db
      .all<{ payload: string }>(
        "SELECT payload FROM events WHERE kind = 'Submitted' AND subject = ? ORDER BY block_number, log_index",
        requestId,
      )
      .map(({ payload }) => fromJson<{ answer: Answer }>(payload).answer);
  }

  /**
   * @param types of the program's inputs or outputs.
   * @returns the encoded tensors that were published; undefined where not all of them are here.
   */
  published(answerId: string, bundle: BundleName, types: readonly TensorType[]): Uint8Array | undefined {
    const rows = this.#db.all<{ payload: string }>(
      "SELECT payload FROM events WHERE kind = 'Published' AND subject = ? ORDER BY block_number, log_index",
      demandSubject(answerId, bundle),
    );
    if (rows.length !== chunkCount(types)) return undefined;
    const chunks = rows.map(({ payload }) => Uint8Array.from(Buffer.from(fromJson<{ data: string }>(payload).data.slice(2), "hex")));
    return encodeBundle(tensorsOf(types, chunks));
  }
}
