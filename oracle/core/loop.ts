/** Runs `work` again and again, one run at a time: whenever it is woken, and once more where it was woken during a run. */
export class Loop {
  readonly #work: () => Promise<void> | void;
  readonly #onError: (error: unknown) => void;
  #woken = false;
  #stopped = false;
  #running: Promise<void> | undefined;

  /** @param onError gets what a run throws; the loop goes on at the next call of `wake`. */
  constructor(work: () => Promise<void> | void, onError: (error: unknown) => void) {
    this.#work = work;
    this.#onError = onError;
  }

  wake(): void {
    if (this.#stopped) return;
    this.#woken = true;
    this.#running ??= this.#drain();
  }

  /** Ends after the run that is going on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#woken && !this.#stopped) {
      this.#woken = false;
      try {
        await this.#work();
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#running = undefined;
  }
}
