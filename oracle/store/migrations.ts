/** Applied in order, each once; `PRAGMA user_version` counts them. A migration that has been released is never edited. */
export const migrations = [
  `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL, timestamp INTEGER NOT NULL) STRICT;

  -- What the chain said, block by block; undoing a block deletes its rows.
  CREATE TABLE events (
    block_number INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    block_hash TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (block_number, log_index)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX events_by_subject ON events (subject, block_number, log_index);

  CREATE TABLE jobs (
    request_id TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    input_uri TEXT NOT NULL,
    status TEXT NOT NULL,
    answer TEXT,
    finalizable_at INTEGER,
    convicted TEXT NOT NULL DEFAULT '[]',
    deadline INTEGER NOT NULL,
    bond TEXT NOT NULL,
    block_number INTEGER NOT NULL,
    work TEXT NOT NULL DEFAULT 'NEW',
    reason TEXT,
    starts INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    retry_at INTEGER NOT NULL DEFAULT 0,
    output_root TEXT,
    output_uri TEXT,
    provider TEXT,
    -- Unix time in milliseconds, for people and measurements only: nothing is decided by them.
    seen_at REAL NOT NULL,
    evaluation_started_at REAL,
    evaluated_at REAL,
    inference_ms REAL,
    sent_at REAL,
    finalization_sent_at REAL
  ) STRICT;
  CREATE INDEX jobs_to_do ON jobs (status, work, deadline);

  CREATE TABLE inputs (request_id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE outputs (request_id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

  CREATE TABLE transactions (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    nonce INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- keccak-256 of what it does: destination, value and calldata.
    intent TEXT NOT NULL,
    recipient TEXT NOT NULL,
    data BLOB NOT NULL,
    gas_limit TEXT NOT NULL,
    -- Chain time in seconds from which it is pointless; null: never.
    deadline INTEGER,
    state TEXT NOT NULL,
    sent_in_block INTEGER,
    mined_in_block INTEGER,
    UNIQUE (account, nonce)
  ) STRICT;
  CREATE INDEX transactions_by_state ON transactions (state);

  -- Every signed form of a transaction: the first one and its replacements.
  CREATE TABLE attempts (
    hash TEXT PRIMARY KEY,
    transaction_id INTEGER NOT NULL REFERENCES transactions (id),
    raw TEXT NOT NULL,
    max_fee TEXT NOT NULL,
    priority_fee TEXT NOT NULL
  ) STRICT;
  CREATE INDEX attempts_by_transaction ON attempts (transaction_id);

  -- INVARIANT: a request has at most one live submission and one live finalization.
  CREATE TABLE transaction_items (
    transaction_id INTEGER NOT NULL REFERENCES transactions (id),
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    live INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (transaction_id, request_id)
  ) STRICT;
  CREATE UNIQUE INDEX one_live_item ON transaction_items (request_id, kind) WHERE live = 1;
  `,
  `
  CREATE TABLE disputes (
    dispute_id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL,
    challenger TEXT NOT NULL,
    operator TEXT NOT NULL,
    turn TEXT NOT NULL,
    facts TEXT NOT NULL
  ) STRICT;
  CREATE INDEX disputes_by_turn ON disputes (turn);

  -- Answers as they were posted.
  CREATE TABLE posted (
    request_id TEXT NOT NULL,
    output_root TEXT NOT NULL,
    bytes BLOB NOT NULL,
    uri TEXT NOT NULL,
    PRIMARY KEY (request_id, output_root)
  ) STRICT;

  -- What this node found out about others' answers. A commitment's salt is here before the commitment is sent.
  CREATE TABLE checks (
    answer_id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL,
    answer TEXT NOT NULL,
    verdict TEXT NOT NULL,
    tensor INTEGER,
    element INTEGER,
    salt TEXT,
    commitment TEXT
  ) STRICT;
  `,
  `
  -- BEFORE, AFTER or NEVER; null until it is decided.
  ALTER TABLE jobs ADD COLUMN self_check TEXT;
  -- The outputs that were held against the canonical ones, and what came out.
  ALTER TABLE jobs ADD COLUMN checked_root TEXT;
  ALTER TABLE jobs ADD COLUMN verdict TEXT;
  `,
  `
  -- Wei that a transaction carries.
  ALTER TABLE transactions ADD COLUMN value TEXT NOT NULL DEFAULT '0';

  -- Demands for the bytes of an answer, or of its input, as the chain tells them.
  CREATE TABLE demands (
    answer_id TEXT NOT NULL,
    bundle TEXT NOT NULL,
    request_id TEXT NOT NULL,
    operator TEXT NOT NULL,
    demander TEXT NOT NULL,
    -- Whether its escrow has been divided.
    collected INTEGER NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (answer_id, bundle)
  ) STRICT;
  CREATE INDEX demands_by_request ON demands (request_id);
  `,
];
