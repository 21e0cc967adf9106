// The main job: a local chain, an operator with two real models, and two contracts that ask for inferences and use the answers.
import { mkdirSync, rmSync } from "node:fs";
import { relative, resolve } from "node:path";
import { formatEther } from "ethers";
import { Listr } from "listr2";
import { columns } from "../oracle/cli/verb.ts";
import { ConvictionDemo, disputedWindow, type Conviction } from "./local/conviction.ts";
import { challengeWindow, Demo, line, type Asked, type Cost, type Face } from "./local/demo.ts";
import { LocalSystem } from "./local/localSystem.ts";
import { Processes, type AssayProcess } from "./local/processes.ts";

interface Context {
  system: LocalSystem;
  demo: Demo;
  models: [string, string];
  text: { asked: Asked; text: string };
  faces: { asked: Asked; faces: Face[] };
  node: AssayProcess;
  conviction: ConvictionDemo;
  convicted: Omit<Conviction, "money">;
  money: Conviction["money"];
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
    run: async (context, self) => {
      context.node = await context.system.startNode({ account: "operator" });
      self.title += ` (process ${context.node.pid})`;
    },
  },
  {
    title: "Start a watchtower, which has no stake and checks every answer",
    run: async ({ system }, self) => {
      const { pid } = await system.startWatchtower({ account: "challenger" });
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
  {
    title:
      "Stop the node; a second operator answers with one number 10 % of the tolerance too far off, and defends it; the watchtower has it convicted",
    run: async (context, self) => {
      const { system, models, node } = context;
      context.conviction = new ConvictionDemo(system, models[1], stop.signal);
      context.convicted = await context.conviction.convict(node);
      self.title += ` (${context.convicted.outcome})`;
    },
  },
  {
    title: `Start the node again: it answers the reopened request; wait out the challenge window (${disputedWindow} s, real time), finalize`,
    run: async (context) => {
      await context.system.startNode({ account: "operator" });
      await context.conviction.answerAgain();
      context.money = await context.conviction.money();
    },
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

const dispute = ({ outcome, moves, milliseconds }: Omit<Conviction, "money">) =>
  [
    `The dispute about the wrong number took ${(milliseconds / 1000).toFixed(1)} s and ended with ${outcome}:`,
    columns(
      ["move", "gas"],
      [
        // The step has no event of its own: it is what closes the dispute.
        ...moves.map(({ event, gasUsed }) => [event === "Closed" ? "Step, closed" : event, gasUsed.toLocaleString("en")]),
        ["together", moves.reduce((sum, { gasUsed }) => sum + gasUsed, 0n).toLocaleString("en")],
      ],
    ),
  ].join("\n");

const money = (parties: Conviction["money"]) =>
  columns(
    ["party", "fees earned", "stake and rewards"],
    parties.map(({ party, tokens, ether }) => [
      party,
      `${formatEther(ether)} ETH`,
      `${tokens > 0n ? "+" : ""}${formatEther(tokens)} tokens`,
    ]),
  );

async function main(): Promise<number> {
  let context: Context;
  try {
    context = await list.run();
    const parts = [knowledge(context), gas(context.demo.costs), times(context), dispute(context.convicted), money(context.money)];
    process.stdout.write(`\n${parts.join("\n")}`);
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
