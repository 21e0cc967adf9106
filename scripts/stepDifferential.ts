// Compares the step verifier with the reference, element by element, over random programs (seeds FROM to TO - 1), and keeps
// what it has done in docs/step-differential.json: run again, it goes on where it stopped.
//   node scripts/run.mjs scripts/stepDifferential.ts [--elements 1000000] [--minutes 60]
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { network } from "hardhat";
import StepVerifierModule from "../ignition/modules/StepVerifier.ts";
import { outputOffset, outputWords } from "../oracle/canonical/program/layout.ts";
import type { Instruction } from "../oracle/canonical/program/types.ts";
import { initialState } from "../oracle/canonical/proof/stepProof.ts";
import { randomScene } from "../test/support/stepScene.ts";

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

const kindOf = (instruction: Instruction): string => {
  if (instruction.kind === "reduce") return `reduce ${instruction.type} ${instruction.reducer}`;
  return instruction.kind === "contract" ? `contract ${instruction.type}` : instruction.kind;
};

const count = (counts: Record<string, number>, name: string, by: number) => (counts[name] = (counts[name] ?? 0) + by);

/** How many elements of one instruction are compared: enough to see its corners, few enough to see many instructions. */
const perInstruction = 24;

async function compare(seed: number): Promise<void> {
  const { random, program, trace, sources, prover, claim } = randomScene(seed);
  for (const instruction of program.instructions) {
    const first = random.int(0, 2);
    const stride = Math.max(1, Math.ceil(outputWords(instruction) / perInstruction));
    const addresses: number[] = [];
    for (let i = Math.min(first, outputWords(instruction) - 1); i < outputWords(instruction); i += stride) {
      addresses.push(outputOffset(instruction) + i);
    }
    const proofs = addresses.map((at) => prover.parts(Math.floor(at / 64), at % 64, sources)[0]!.encode(initialState));
    const words = (await batch.getFunction("steps")(addresses.map(claim), proofs)) as bigint[];
    addresses.forEach((at, i) => {
      if (Number(words[i]) === trace[at]) return;
      summary.differences++;
      process.stdout.write(`DIFFERENT seed ${seed}, ${kindOf(instruction)}, word ${at}: EVM ${words[i]}, reference ${trace[at]}\n`);
    });
    summary.elements += addresses.length;
    count(summary.kinds, kindOf(instruction), addresses.length);
    if ("ops" in instruction)
      for (const op of new Set(instruction.ops.map((entry) => entry.op))) count(summary.operations, op, addresses.length);
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
