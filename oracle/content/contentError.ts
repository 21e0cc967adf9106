/** Content that could not be had, or is not what it should be; the message says what to do. */
export class ContentError extends Error {
  override name = "ContentError";
  /** Whether the same fetch may succeed later (a network fault), or never will (wrong bytes, a refused address). */
  readonly retryable: boolean;

  constructor(message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}

/** The bytes were fetched whole and are not what was committed to. */
export class ContentMismatchError extends ContentError {
  override name = "ContentMismatchError";

  constructor(message: string) {
    super(message, { retryable: false });
  }
}
