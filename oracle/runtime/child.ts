/** A child process that runs models. It holds no keys, sees nothing of the node's environment, and can be killed at any moment. */
import { Worker } from "node:worker_threads";
import type { ChildOptions, Command, Reply } from "./protocol.ts";
import { RuntimeError } from "./runtimeError.ts";
import { probe } from "./selfTest.ts";
import { checkInputs, Sessions } from "./sessions.ts";

const options = JSON.parse(process.argv[2]!) as ChildOptions;
const sessions = new Sessions(options);
const send = (reply: Reply) => process.send!(reply);

async function load(id: number, artifact: Extract<Command, { type: "load" | "run" }>["artifact"]) {
  if (!sessions.has(artifact.hash)) send({ type: "loading", id });
  const { loaded, notice } = await sessions.load(artifact);
  send({ type: "loaded", id, loaded, notice });
  return loaded;
}

async function obey(command: Command): Promise<Reply> {
  const { id } = command;
  switch (command.type) {
    case "probe":
      await probe(command.provider);
      return { type: "done", id, value: null };
    case "load":
      return { type: "done", id, value: await load(id, command.artifact) };
    case "run": {
      const { inputs } = await load(id, command.artifact);
      checkInputs(inputs, command.inputs);
      const { ran, notice } = await sessions.run(command.artifact.hash, command.inputs);
      if (notice !== undefined) send({ type: "notice", id, notice });
      return { type: "done", id, value: ran };
    }
  }
}

/** Commands are obeyed one after another, in the order in which they came. */
let last: Promise<unknown> = Promise.resolve();

process.on("message", (command: Command) => {
  last = last
    .then(() => obey(command))
    .catch((error: unknown): Reply => {
      const kind = error instanceof RuntimeError ? error.kind : "crashed";
      return { type: "failed", id: command.id, kind, message: error instanceof Error ? error.message : String(error) };
    })
    .then(send);
});
process.on("disconnect", () => process.exit());

new Worker(new URL("./watchdog.ts", import.meta.url), {
  workerData: { memoryLimitBytes: options.memoryLimitBytes, parent: process.ppid },
}).unref();
send({ type: "ready" });
