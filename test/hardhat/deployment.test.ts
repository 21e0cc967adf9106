import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import json5 from "json5";
import hre, { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { deployAssay } from "../../fixtures/assay.ts";
import type { ModuleParameters } from "../../ignition/faults.ts";
import StepVerifierModule from "../../ignition/modules/StepVerifier.ts";
import { gameParameters } from "../../ignition/modules/system.ts";
import { rehearse } from "../../ignition/rehearsal.ts";
import { executesClz, type Caller } from "../../oracle/chain/clz.ts";
import { factsOf, locate } from "../../oracle/cli/deploymentFacts.ts";
import { differs, type ExpectedParameters } from "../../oracle/cli/fact.ts";
import { compareGas, gasSuites, readGasSnapshot } from "../../scripts/gas.ts";
import { brokenRules } from "../support/brokenRules.ts";

const parameters = json5.parse<Record<string, ModuleParameters>>(readFileSync("ignition/parameters/localhost.json5", "utf8")).AssayLocal!;

const callerOf = ({ provider }: NetworkConnection): Caller => ({
  call: async <T>(method: string, params: unknown[] = []) => (await provider.request({ method, params })) as T,
});

async function deploy() {
  const connection = await network.create();
  const assay = await deployAssay(connection);
  const chain = callerOf(connection);
  const located = await locate(chain, await assay.coordinator.getAddress());
  const deployment = { chainId: 31337, startBlock: 1, ...located };
  const authority = (name: string, ...args: unknown[]) => assay.authority.getFunction(name)(...args) as Promise<unknown>;
  /** Names of the facts that are not as they should be. */
  const differing = async (expected: ExpectedParameters | undefined, over = {}) => {
    const facts = await factsOf(chain, { ...deployment, ...over }, expected);
    return facts
      .filter(differs)
      .map(({ name }) => name)
      .sort();
  };
  return { connection, assay, chain, deployment, authority, differing };
}

describe("A deployment", () => {
  it("A49 is read back whole: every parameter of every contract, every address, every role", async () => {
    const { connection, chain, deployment } = await deploy();
    const facts = await factsOf(chain, deployment, parameters);
    assert.deepEqual(facts.filter(differs), []);
    for (const [name, value] of Object.entries(parameters)) {
      if (name.endsWith("Delay") && !gameParameters.includes(name as never)) continue; // is told with the role's holders
      const found = facts.filter((fact) => fact.name === name);
      assert.deepEqual(
        found.map(({ actual }) => actual),
        [String(value).replace("n", "")],
        name,
      );
    }
    for (const role of ["ADMIN", "PARAMETERS", "GUARDIAN"]) assert.ok(facts.some(({ name }) => name === `holds ${role}`));
    await connection.close();
  });

  it("A49 differs in every parameter that is another one, those of the game among them", async () => {
    const { connection, differing } = await deploy();
    for (const name of Object.keys(parameters)) {
      const wrong = await differing({ ...parameters, [name]: 7 });
      const holds = { parametersDelay: ["holds PARAMETERS"], adminDelay: ["holds ADMIN"] }[name];
      assert.deepEqual(wrong, holds ?? [name]);
    }
    const [someone] = (await connection.ethers.getSigners()).slice(5);
    assert.deepEqual(await differing({ ...parameters, admin: someone!.address }), ["holds ADMIN", "holds PARAMETERS"]);
    assert.deepEqual(await differing({ ...parameters, guardian: someone!.address }), ["holds GUARDIAN"]);
    assert.deepEqual(await differing({ ...parameters, treasury: someone!.address, stakeToken: someone!.address }), [
      "stakeToken",
      "stakeToken",
      "treasury",
    ]);
    await connection.close();
  });

  it("A49 that was handed over to nobody, to a placeholder or to a stranger says so, even without its parameters", async () => {
    const { connection, assay, authority, differing } = await deploy();
    const [deployer, stranger] = await connection.ethers.getSigners();
    const { coordinator, stakeToken } = assay;
    assert.deepEqual(await differing(undefined), []);
    await (coordinator.getFunction("setTreasury") as (to: string) => Promise<unknown>)("0x0000000000000000000000000000000000000001");
    await (coordinator.getFunction("setPaused") as (paused: boolean) => Promise<unknown>)(true);
    await authority("grantRole", 9n, stranger!.address, 0);
    await authority("setTargetFunctionRole", await stakeToken.getAddress(), ["0x12345678"], 9n);
    await authority(
      "setTargetFunctionRole",
      await coordinator.getAddress(),
      [coordinator.getFunction("setTreasury").fragment.selector],
      2n,
    );
    await authority("setRoleGuardian", 1n, 9n);
    await authority("setTargetClosed", await coordinator.getAddress(), true);
    await authority("grantRole", 0n, "0x0000000000000000000000000000000000000001", 0);
    await authority("renounceRole", 0n, deployer!.address);
    assert.deepEqual(await differing(undefined), [
      "guardian of PARAMETERS",
      `has closed ${await coordinator.getAddress()}`,
      "holds ADMIN",
      "holds role 9",
      `may call 0x12345678 at ${await stakeToken.getAddress()}`,
      "may call setTreasury",
      "paused",
      "treasury",
    ]);
    await connection.close();
  });

  it("A49 with nobody left to administer says so", async () => {
    const { connection, authority, differing } = await deploy();
    const [deployer] = await connection.ethers.getSigners();
    await authority("renounceRole", 0n, deployer!.address);
    assert.deepEqual(await differing(undefined), ["holds ADMIN"]);
    assert.deepEqual(await differing(parameters), ["holds ADMIN"]);
    await connection.close();
  });

  it("is read from its own first block on, and its addresses must be those that the contracts name", async () => {
    const { connection, assay, chain, deployment, differing } = await deploy();
    const asked: number[] = [];
    const watched: Caller = {
      call: <T>(method: string, params: unknown[] = []) => {
        if (method === "eth_getLogs") asked.push(Number((params[0] as { fromBlock: string }).fromBlock));
        return chain.call<T>(method, params);
      },
    };
    await factsOf(watched, { ...deployment, startBlock: 3 }, undefined).catch(() => undefined);
    assert.ok(asked.length > 0 && asked.every((block) => block === 3));
    assert.deepEqual(
      await differing(parameters, { modelRegistry: await assay.authority.getAddress() }).catch(() => "unreadable"),
      "unreadable",
    );
    assert.deepEqual(await differing(parameters, { stakeToken: deployment.modelRegistry }), ["stakeToken", "stakeToken"]);
    await connection.close();
  });

  it("A49 is refused by the contracts themselves where its parameters break a rule, on a chain of its own", async function () {
    this.timeout(0);
    const nowhere: Caller = { call: () => Promise.reject(new Error("the rehearsal asked the real chain")) };
    await rehearse(hre, parameters, nowhere);
    for (const { breaks } of brokenRules) {
      await assert.rejects(
        rehearse(hre, { ...parameters, ...breaks }, nowhere),
        /ParametersInvalid|ParametersRefused|UnbondingTooShort/,
        JSON.stringify(breaks),
      );
    }
  });

  it("A48 fails on a chain without CLZ, with whatever tool", async () => {
    const old = await network.create({ override: { hardfork: "prague" } as never });
    assert.equal(await executesClz(callerOf(old)), false);
    await assert.rejects(old.ignition.deploy(StepVerifierModule), /ChainWithoutClz/);
    await old.close();
    const current = await network.create();
    assert.equal(await executesClz(callerOf(current)), true);
    await current.ignition.deploy(StepVerifierModule);
    await current.close();
  });

  for (const [suite, { measure, tested }] of Object.entries(gasSuites)) {
    if (!tested) continue;
    it(`costs the gas of its snapshot: ${suite}`, async function () {
      this.timeout(0);
      assert.deepEqual(compareGas(readGasSnapshot(suite), await measure()), []);
    });
  }
});
