import assert from "node:assert/strict";
import { network } from "hardhat";
import { describe, it } from "mocha";
import StepVerifierModule from "../../../ignition/modules/StepVerifier.ts";
import { compareSteps, kindOf } from "../../support/stepDifferential.ts";

/** scripts/stepDifferential.ts compares more, over other programs. */
const atLeast = 20_000;
const firstSeed = 1_000_000;

const { ethers, ignition } = await network.getOrCreate();

describe("The EVM and the reference", () => {
  it(`A24 agree on ${atLeast.toLocaleString("en-US")} elements of random programs, of every kind of instruction`, async function () {
    this.timeout(0);
    const { stepVerifier } = await ignition.deploy(StepVerifierModule);
    const batch = await ethers.deployContract("StepBatch", [stepVerifier]);
    const seen = new Map<string, number>();
    let elements = 0;
    for (let seed = firstSeed; elements < atLeast; ++seed) {
      for (const { instruction, elements: compared, differences } of await compareSteps(batch, seed)) {
        assert.deepEqual(differences, [], `seed ${seed}, ${kindOf(instruction)}`);
        elements += compared;
        seen.set(kindOf(instruction), (seen.get(kindOf(instruction)) ?? 0) + compared);
      }
    }
    const kinds = [...seen.keys()].map((kind) => kind.split(" ")[0]);
    assert.deepEqual([...new Set(kinds)].sort(), ["contract", "input", "map", "reduce"]);
    // Every reducer of both types.
    assert.equal([...seen.keys()].filter((kind) => kind.startsWith("reduce")).length, 18);
  });
});
