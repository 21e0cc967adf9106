// The main job: a local chain, an operator with two real models, and two contracts that ask for inferences and use the answers.
import { mkdirSync, rmSync } from "node:fs";
import { relative, resolve } from "node:path";
import { formatEther } from "ethers";
import { Listr } from "listr2";
import { columns, table } from "../oracle/cli/verb.ts";
import { challengeWindow, Demo, line, type Asked, type Cost, type Face } from "./local/demo.ts";
import { LocalSystem } from "./local/localSystem.ts";
import { Processes } from "./local/processes.ts";

interface Context {
  system: LocalSystem;
  demo: Demo;
  models: [string, string];
  text: { asked: Asked; text: string };
  faces: { asked: Asked; faces: Face[] };
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));

const root = resolve(import.meta.dirname, "..");
const directory = resolve(root, ".assay", `start-${process.pid}`);
mkdirSync(directory, { recursive: true });
const processes = new Processes(directory);

interface Step {
  title: string;
  run(context: Context, self: { title: string }): Promise<void>;
}

const steps: Step[] = [
  {
    title: "Start a local chain and deploy the contracts with Ignition",
    run: async (context, self) => {
      context.system = await LocalSystem.start(directory, processes);
      context.demo = new Demo(context.system, stop.signal);
      self.title += ` (${context.system.chain.deployment.rpcUrl})`;
    },
  },
  {
    title: "Register two real models: a text recogniser and a face detector",
    run: async (context) => void (context.models = await context.demo.registerModels()),
  },
  { title: "Register and stake an operator", run: ({ demo, models }) => demo.registerOperator(models) },
  {
    title: "Start the oracle node as a process of its own",
    run: async ({ system }, self) => {
      const { pid } = await system.startNode({ account: "operator" });
      self.title += ` (process ${pid})`;
    },
  },
  { title: "Deploy two consumer contracts", run: ({ demo, models }) => demo.deployConsumers(models) },
  {
    title: `Ask what is written on a rendered line, wait out its challenge window (${challengeWindow} s, real time), finalize`,
    run: async (context) => void (context.text = await context.demo.askForText()),
  },
  {
    title: `Ask for the faces in a picture, wait out its challenge window (${challengeWindow} s, real time), finalize`,
    run: async (context) => void (context.faces = await context.demo.askForFaces()),
  },
];

const list = new Listr<Context, "default" | "simple">(
  steps.map(({ title, run }) => ({
    title,
    task: (context: Context, self: { title: string }) => {
      stop.signal.throwIfAborted();
      return run(context, self);
    },
  })),
  { renderer: process.stdout.isTTY ? "default" : "simple", registerSignalListeners: false } as object,
);

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

function knowledge({ text, faces }: Context): string {
  return [
    `TextConsumer knows what is written on the line:  "${text.text.trimEnd()}"  (rendered: "${line}")`,
    `FaceConsumer knows ${faces.faces.length} faces in the picture:`,
    columns(
      ["centre", "size", "probability"],
      faces.faces.map(({ centreX, centreY, width, height, probability }) => [
        `${percent(centreX)}, ${percent(centreY)}`,
        `${percent(width)} x ${percent(height)}`,
        percent(probability),
      ]),
    ),
  ].join("\n");
}

function times({ text, faces }: Context): string {
  const row = (name: string, { answeredMs, finalMs }: Asked) => [name, `${answeredMs.toFixed(0)} ms`, `${(finalMs / 1000).toFixed(1)} s`];
  return columns(["time from request", "to answer", "to finality"], [row("recognised text", text.asked), row("found faces", faces.asked)]);
}

const gas = (costs: readonly Cost[]) =>
  columns(
    ["transaction", "gas"],
    costs.map(({ what, gasUsed }) => [what, gasUsed.toLocaleString("en")]),
  );

async function main(): Promise<number> {
  let context: Context;
  try {
    context = await list.run();
    const { operator, author } = await context.demo.earnings();
    const money = table([
      ["operator earned", `${formatEther(operator)} ETH`],
      ["models' author earned", `${formatEther(author)} ETH`],
    ]);
    process.stdout.write(`\n${[knowledge(context), gas(context.demo.costs), times(context), money].join("\n")}`);
    context.system.close();
  } catch (error) {
    if (stop.signal.aborted) {
      process.stderr.write("start: stopped\n");
      return 130;
    }
    process.stderr.write(`start: ${(error as Error).message}\nThe logs are in ${relative(root, directory)}.\n`);
    return 1;
  } finally {
    await processes.stopAll();
  }
  rmSync(directory, { recursive: true, force: true });
  return 0;
}

const code = await main();
if (code === 130) rmSync(directory, { recursive: true, force: true });
process.exit(code);
