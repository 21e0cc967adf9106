/** A process that runs tests; a new one is started after one that had to be ended. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Load, Report, Run } from "./solidityWorker.ts";

export class Worker {
  private child: ChildProcess | null = null;
  private readonly loaded: Load;

  constructor(load: Load) {
    this.loaded = load;
  }

  /** @returns null where no answer came in time. */
  async run(order: Run, milliseconds: number): Promise<Report | null> {
    const report = (await this.ask(await this.started(), order, milliseconds)) as Report | null;
    if (report === null) this.end();
    return report;
  }

  private async started(): Promise<ChildProcess> {
    if (this.child !== null) return this.child;
    const path = fileURLToPath(new URL("solidityWorker.ts", import.meta.url));
    this.child = fork(path, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    await once(this.child, "message");
    await this.ask(this.child, this.loaded, null);
    return this.child;
  }

  private ask(child: ChildProcess, order: Load | Run, milliseconds: number | null): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const gone = (): void => resolve(null);
    const timer = milliseconds === null ? undefined : setTimeout(gone, milliseconds);
    child.once("message", resolve).once("exit", gone);
    child.send(order);
    return promise.finally(() => {
      clearTimeout(timer);
      child.off("message", resolve).off("exit", gone);
    });
  }

  end(): void {
    this.child?.kill("SIGKILL");
    this.child = null;
  }
}
