import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A running `assay` process. */
export interface AssayProcess {
  /** What it printed on standard output when it was ready. */
  ready: unknown;
  readonly pid: number;
  /** Ends with the exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Sends a signal and waits for the end. @returns the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `assay` processes and makes sure that none of them outlives this one. */
export class Processes {
  readonly #logs: string;
  readonly #children = new Set<ChildProcess>();
  readonly #kill = () => {
    for (const child of this.#children) child.kill("SIGKILL");
  };

  /** @param directory where the processes' logs are kept. */
  constructor(directory: string) {
    this.#logs = directory;
    mkdirSync(directory, { recursive: true });
    process.on("exit", this.#kill);
  }

  /**
   * Runs a verb that stays up, and waits until it has printed its first line.
   * @param name of the log file.
   * @throws Error with the last lines of its log where it ends before that.
   */
  async start(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<AssayProcess> {
    const child = spawn(process.execPath, [join(root, "oracle/main.ts"), ...args, "--json"], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.add(child);
    const log = createWriteStream(join(this.#logs, `${name}.log`), { flags: "a" });
    const tail: string[] = [];
    createInterface({ input: child.stderr! }).on("line", (line) => {
      log.write(`${line}\n`);
      tail.push(line);
      if (tail.length > 20) tail.shift();
    });
    const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
    void exited.then(() => {
      this.#children.delete(child);
      log.end();
    });
    const ready = await new Promise<unknown>((resolve, reject) => {
      createInterface({ input: child.stdout! }).once("line", (line) => resolve(JSON.parse(line)));
      void exited.then((code) => reject(new Error(`\`assay ${args.join(" ")}\` ended with code ${code}:\n${tail.join("\n")}`)));
    });
    return {
      ready,
      pid: child.pid!,
      exited,
      stop: (signal = "SIGTERM") => {
        child.kill(signal);
        return exited;
      },
    };
  }

  /** Stops what still runs, in the reverse order of its start. */
  async stopAll(): Promise<void> {
    for (const child of [...this.#children].reverse()) {
      const gone = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGTERM");
      const deadline = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await gone;
      clearTimeout(deadline);
    }
    process.off("exit", this.#kill);
  }
}

/** Runs a verb to its end. @returns exit code and what it printed. */
export async function runAssay(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [join(root, "oracle/main.ts"), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.err += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...texts };
}
