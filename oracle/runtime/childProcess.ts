/** One child process seen from the node: commands in, answers out, a deadline on whatever it is doing, a new process when it dies. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { memoryLimitMark, type ChildOptions, type Command, type Reply } from "./protocol.ts";
import { RuntimeError } from "./runtimeError.ts";

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

export interface Task {
  command: WithoutId<Command>;
  /** For the command itself, in milliseconds; loading a model on the way has its own. */
  timeoutMs: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export interface HostOptions extends ChildOptions {
  /** Longest time to load a model, in milliseconds. */
  loadTimeoutMs: number;
  /** An empty directory: what a model could name as a file of the working directory isn't there. */
  directory: string;
  /** Something a person should know: a provider that was passed over. */
  notice(message: string): void;
  /** Called whenever there is room for another command. */
  idle(): void;
}

/** One command runs, one waits in the child: it needn't idle while an answer travels. */
const depth = 2;
const startTimeoutMs = 30_000;
const stderrKept = 4_000;

/** SAFETY: keys and endpoints in the node's environment must not reach a process that runs strangers' models. */
const passedOn = /^(?:PATH|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|SystemRoot|TEMP|TMP|TMPDIR|LANG|CUDA_.*|NVIDIA_.*|VK_.*)$/;

function childEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => passedOn.test(name));
  // TF32 would round the operands of a product to 10 bits.
  return { ...Object.fromEntries(kept), NVIDIA_TF32_OVERRIDE: "0" };
}

interface Entry {
  id: number;
  task: Task;
  /** A process died over it that others had used, too: it gets one to itself, which shows whose fault it was. */
  alone: boolean;
}

/** Signals by which a process takes itself down. Every other one comes from outside: a person, a supervisor, the system out of memory. */
const ownSignals: readonly (NodeJS.Signals | null)[] = ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS"];

export class ChildHost {
  readonly #options: HostOptions;
  #process: ChildProcess | undefined;
  #ready = false;
  #closed = false;
  #stderr = "";
  #killedFor: RuntimeError | undefined;
  /** In the order in which they were sent; the child works on the first. */
  #tasks: Entry[] = [];
  /** Commands that this process has ended. What they left in memory isn't the next one's fault. */
  #settled = 0;
  #nextId = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#start();
  }

  get backlog(): number {
    return this.#tasks.length;
  }

  get hasRoom(): boolean {
    return !this.#closed && this.#tasks.length < depth && this.#tasks[0]?.alone !== true;
  }

  submit(task: Task): void {
    const entry: Entry = { id: this.#nextId++, task, alone: false };
    this.#tasks.push(entry);
    if (!this.#process) this.#start();
    else if (this.#tasks[0]!.alone !== true) this.#send(entry);
    if (this.#tasks.length === 1) this.#arm(task.timeoutMs);
  }

  /** Ends the process; what it was doing fails. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#process;
    if (!child) return;
    const gone = new Promise((resolve) => child.once("close", resolve));
    this.#kill(new RuntimeError("declined", "the runtime was closed"));
    await gone;
  }

  #start(): void {
    const { providers, threads, maxModels, memoryLimitBytes, directory } = this.#options;
    const options: ChildOptions = { providers, threads, maxModels, memoryLimitBytes };
    const child = fork(fileURLToPath(new URL("./child.ts", import.meta.url)), [JSON.stringify(options)], {
      cwd: directory,
      env: childEnvironment(),
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#process = child;
    this.#ready = false;
    this.#stderr = "";
    this.#settled = 0;
    this.#killedFor = undefined;
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#stderr = (this.#stderr + text).slice(-stderrKept)));
    child.on("message", (reply: Reply) => this.#receive(reply));
    child.on("error", (error) => (this.#stderr += error.message));
    child.on("close", (code, signal) => this.#ended(code, signal));
    this.#arm(startTimeoutMs);
    for (const entry of this.#tasks[0]?.alone ? this.#tasks.slice(0, 1) : this.#tasks) this.#send(entry);
  }

  #send({ id, task }: Entry): void {
    // A child that died under the message is noticed by its "close".
    this.#process!.send({ ...task.command, id }, () => undefined);
  }

  /** Starts the clock of what the child is doing now. */
  #arm(milliseconds: number): void {
    clearTimeout(this.#timer);
    // A process that doesn't even start says nothing about what it was to do.
    const [limit, kind, what] = this.#ready
      ? ([milliseconds, "timeout", "the inference"] as const)
      : ([startTimeoutMs, "unavailable", "starting the runtime"] as const);
    this.#timer = setTimeout(() => this.#kill(new RuntimeError(kind, `${what} took longer than ${limit} ms`)), limit);
  }

  #kill(reason: RuntimeError): void {
    clearTimeout(this.#timer);
    this.#killedFor = reason;
    this.#process?.kill("SIGKILL");
  }

  #receive(reply: Reply): void {
    const head = this.#tasks[0];
    switch (reply.type) {
      case "ready":
        this.#ready = true;
        if (head) this.#arm(head.task.timeoutMs);
        else clearTimeout(this.#timer);
        break;
      case "loading":
        this.#arm(this.#options.loadTimeoutMs);
        break;
      case "loaded":
        if (reply.notice !== undefined) this.#options.notice(reply.notice);
        if (head) this.#arm(head.task.timeoutMs);
        break;
      case "notice":
        this.#options.notice(reply.notice);
        break;
      case "done":
      case "failed":
        this.#settle(reply);
        break;
    }
  }

  #settle(reply: Extract<Reply, { type: "done" | "failed" }>): void {
    const head = this.#tasks[0];
    // An answer that was on its way when its command's time was up.
    if (head?.id !== reply.id || this.#killedFor) return;
    this.#tasks.shift();
    this.#settled++;
    clearTimeout(this.#timer);
    if (head.alone) for (const waiting of this.#tasks) this.#send(waiting);
    if (this.#tasks[0]) this.#arm(this.#tasks[0].task.timeoutMs);
    if (reply.type === "done") head.task.resolve(reply.value);
    else head.task.reject(new RuntimeError(reply.kind, reply.message));
    this.#options.idle();
  }

  /**
   * What the child was doing fails with it; what waited behind goes to the next process. What the child did before, or had begun while its
   * answer was on the way, may be at fault, and so may somebody outside: then the first in line gets a process to itself before it is blamed.
   */
  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    clearTimeout(this.#timer);
    this.#process = undefined;
    const [head] = this.#tasks;
    const doubtful = this.#settled > 0 || this.#tasks.length > 1 || this.#isElsewhere(signal);
    const again = head && !head.alone && !this.#closed && this.#killedFor === undefined && doubtful;
    if (again) head.alone = true;
    const failed = this.#closed ? this.#tasks.splice(0) : again ? [] : this.#tasks.splice(0, 1);
    for (const { task } of failed) task.reject(this.#reasonOfEnd(code, signal));
    if (this.#closed) return;
    // A process that can't even start is only tried again when there is work for it.
    if (this.#ready || this.#tasks.length > 0) this.#start();
    this.#options.idle();
  }

  /** Whether a process that wasn't killed by this node ended for a reason that has nothing to do with what it was told. */
  #isElsewhere(signal: NodeJS.Signals | null): boolean {
    return !this.#ready || (!this.#outOfMemory() && signal !== null && !ownSignals.includes(signal));
  }

  #outOfMemory(): boolean {
    return this.#killedFor === undefined && this.#stderr.includes(memoryLimitMark);
  }

  #reasonOfEnd(code: number | null, signal: NodeJS.Signals | null): RuntimeError {
    if (this.#killedFor) return this.#killedFor;
    if (this.#outOfMemory()) {
      return new RuntimeError(
        "declined",
        `the model used more than the ${this.#options.memoryLimitBytes} bytes of memory that a worker may use`,
      );
    }
    const last = this.#stderr.trim().split("\n").slice(-3).join(" | ");
    const kind = this.#isElsewhere(signal) ? "unavailable" : "crashed";
    return new RuntimeError(kind, `the worker process ended with ${signal ?? `code ${code}`}${last ? `: ${last}` : ""}`);
  }
}
