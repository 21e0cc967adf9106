import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { network } from "hardhat";
import { describe, it } from "mocha";
import { apply } from "../../../oracle/canonical/reference/operations.ts";
import { anyWord, commonWord, seeded } from "./random.ts";

const elements = Number(process.env.STEP_ELEMENTS ?? 600);
const { ethers } = await network.getOrCreate();
const harness = await ethers.deployContract("Float32Harness");

const functions = ["fexp", "flog", "ftanh", "fsigmoid", "ferf", "fsin", "fcos"] as const;
/** Number of the first of them in the harness. */
const first = 16;

/** All words at which the function's value lies within 12 units of binary64 of a middle between two binary32 (docs/step.md). */
const hard = JSON.parse(readFileSync(new URL("../../vectors/hardRounding.json", import.meta.url), "utf8")) as Record<
  (typeof functions)[number],
  string[]
>;
/** Their vectors hold positive words only. */
const odd = new Set<string>(["ftanh", "ferf", "fsin", "fcos"]);

const hex = (word: number) => `0x${word.toString(16).padStart(8, "0")}`;

/** Where a function turns into another formula, and words next to it. */
const borders = [
  0x32800000, 0x33000000, 0x33800000, 0x34000000, 0x42b20000, 0x42b17218, 0x42d00000, 0x42cff1b5, 0x39800000, 0x39000000, 0x41200000,
  0x30800000, 0x41900000, 0x40800000, 0x3f000000, 0x3fb504f3, 0x3f3504f3, 0x40490fdb, 0x3fc90fdb, 0x3f490fdb, 0x4b000000, 0x7f7fffff,
].flatMap((word) => [-2, -1, 0, 1, 2].flatMap((step) => [word + step, (word + step) ^ 0x80000000].map((near) => near >>> 0)));

/** @returns a word where the functions are neither saturated nor nearly linear. */
function lively(random: () => number): number {
  return ((random() & 0x807fffff) | ((114 + (random() % 21)) << 23)) >>> 0;
}

async function check(operation: (typeof functions)[number], words: number[]): Promise<void> {
  const bytes = new DataView(new ArrayBuffer(8 * words.length));
  words.forEach((word, i) => bytes.setUint32(8 * i, word));
  const answer = ethers.getBytes(await harness.getFunction("map")(first + functions.indexOf(operation), new Uint8Array(bytes.buffer)));
  const results = new DataView(answer.buffer, answer.byteOffset, answer.length);
  words.forEach((word, i) => assert.equal(hex(results.getUint32(4 * i)), hex(apply(operation, [word])), `${operation}(${hex(word)})`));
}

describe("Float32Functions", () => {
  functions.forEach((operation, number) => {
    it(`A24 ${operation} is correctly rounded at ${elements} arguments and at its borders`, async () => {
      await check(operation, borders);
      const random = seeded(100 + number);
      for (let done = 0; done < elements; done += 200) {
        const count = Math.min(200, elements - done);
        await check(
          operation,
          Array.from({ length: count }, () => [anyWord, commonWord, lively, lively][random() % 4]!(random)),
        );
      }
    });
  });

  functions.forEach((operation) => {
    it(`${operation} is decided at the arguments whose value is next to a middle between two numbers`, async () => {
      const words = hard[operation].map((word) => parseInt(word, 16));
      await check(operation, words);
      if (odd.has(operation))
        await check(
          operation,
          words.map((word) => (word ^ 0x80000000) >>> 0),
        );
    });
  });
});
