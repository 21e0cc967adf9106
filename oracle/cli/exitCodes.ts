/** Every way in which a verb can end, and the exit code that says so (docs/cli.md). */
export const exitCodes = {
  ok: 0,
  /** A fault of this program: anything that nobody foresaw. */
  unexpected: 1,
  /** The command line itself is wrong: unknown verb, missing or malformed option. */
  usage: 2,
  /** A file, a value or the configuration isn't what it should be. */
  "bad-input": 3,
  "chain-unreachable": 4,
  "insufficient-funds": 5,
  /** No such model, request or operator on this deployment. */
  "not-found": 6,
  /** The contract refuses the transaction; nothing was sent, or it reverted. */
  refused: 7,
  timeout: 8,
  /** Bytes behind a URI can't be had, or aren't the ones that were committed to. */
  "content-unavailable": 9,
  /** Another process holds what this one needs: the data directory, the key or the port. */
  "in-use": 10,
  /** The disk is full, or the job store on it is damaged. */
  storage: 11,
  /** A deployment isn't what its parameters say, or can't work. */
  differs: 12,
  /** Stopped by a signal before the work was done. */
  interrupted: 130,
} as const;

export type Outcome = keyof typeof exitCodes;
export type Failure = Exclude<Outcome, "ok">;

/** A failure that a person can do something about: the message says what happened, with which values, and what to do now. */
export class CliError extends Error {
  override name = "CliError";
  readonly failure: Failure;
  /** What the verb found, for programs. */
  readonly details: unknown;

  constructor(failure: Failure, message: string, cause?: unknown, details?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.failure = failure;
    this.details = details;
  }
}
