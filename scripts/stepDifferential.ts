// Compares the step verifier with the reference, element by element, over random programs (seeds FROM to TO - 1), and keeps
// what it has done in docs/step-differential.json: run again, it goes on where it stopped.
//   node scripts/run.mjs scripts/stepDifferential.ts [--elements 1000000] [--minutes 60]
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { network } from "hardhat";
import StepVerifierModule from "../ignition/modules/StepVerifier.ts";
import { compareSteps, kindOf } from "../test/support/stepDifferential.ts";

interface Summary {
  /** Programs 0 to nextSeed - 1 are done. */
  nextSeed: number;
  elements: number;
  differences: number;
  /** Elements by kind of instruction, and within the elements by operation of their expressions. */
  kinds: Record<string, number>;
  operations: Record<string, number>;
}

const { values: options } = parseArgs({
  options: { elements: { type: "string", default: "1000000" }, minutes: { type: "string", default: "60" } },
});
const path = new URL("../docs/step-differential.json", import.meta.url);
const summary: Summary = existsSync(path)
  ? (JSON.parse(readFileSync(path, "utf8")) as Summary)
  : { nextSeed: 0, elements: 0, differences: 0, kinds: {}, operations: {} };
const until = performance.now() + 60_000 * Number(options.minutes);

const { ethers, ignition } = await network.getOrCreate();
const { stepVerifier } = await ignition.deploy(StepVerifierModule);
const batch = await ethers.deployContract("StepBatch", [stepVerifier]);

const count = (counts: Record<string, number>, name: string, by: number) => (counts[name] = (counts[name] ?? 0) + by);

async function compare(seed: number): Promise<void> {
  for (const { instruction, elements, differences } of await compareSteps(batch, seed)) {
    for (const { address, evm, reference } of differences) {
      summary.differences++;
      process.stdout.write(`DIFFERENT seed ${seed}, ${kindOf(instruction)}, word ${address}: EVM ${evm}, reference ${reference}\n`);
    }
    summary.elements += elements;
    count(summary.kinds, kindOf(instruction), elements);
    if ("ops" in instruction) for (const op of new Set(instruction.ops.map((entry) => entry.op))) count(summary.operations, op, elements);
  }
}

while (summary.elements < Number(options.elements) && performance.now() < until) {
  await compare(summary.nextSeed++);
  if (summary.nextSeed % 50 === 0) {
    writeFileSync(path, `${JSON.stringify(summary, null, 2)}\n`);
    process.stdout.write(`${summary.nextSeed} programs, ${summary.elements} elements, ${summary.differences} differences\n`);
  }
}
writeFileSync(path, `${JSON.stringify(summary, null, 2)}\n`);
process.stdout.write(`${summary.nextSeed} programs, ${summary.elements} elements, ${summary.differences} differences\n`);
process.exit(summary.differences === 0 ? 0 : 1);
