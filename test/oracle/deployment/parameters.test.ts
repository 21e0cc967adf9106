import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Wallet } from "ethers";
import json5 from "json5";
import { placeholder } from "../../../ignition/accounts.ts";
import { faultsOf, type ModuleParameters, type Site } from "../../../ignition/faults.ts";
import { maxDuration } from "../../../oracle/core/dispute/game.ts";
import { brokenRules } from "../../support/brokenRules.ts";

const read = (network: string) =>
  json5.parse<Record<string, ModuleParameters>>(
    readFileSync(new URL(`../../../ignition/parameters/${network}.json5`, import.meta.url), "utf8"),
  );
const shipped = read("sepolia").Assay!;

const account = (seed: number) => new Wallet(`0x${seed.toString(16).padStart(64, "0")}`).address;
const [token, treasury, admin, guardian, deployer] = [1001, 1002, 1003, 1004, 1005].map(account) as [
  string,
  string,
  string,
  string,
  string,
];
const filled = { ...shipped, stakeToken: token, treasury, admin, guardian };

interface Chain {
  code?: Record<string, string>;
  nonces?: Record<string, number>;
  clz?: boolean;
  totalSupply?: string;
}

/** A chain that knows nothing but what it is told; `sent` counts what would be paid for. */
function site({ code = { [token]: "0x60" }, nonces = { [admin]: 1 }, clz = true, totalSupply = `0x${"0".repeat(64)}` }: Chain = {}): Site {
  const call = (method: string, params: unknown[] = []): Promise<unknown> => {
    const [first] = params;
    if (method === "eth_getCode") return Promise.resolve(code[first as string] ?? "0x");
    if (method === "eth_getTransactionCount") return Promise.resolve(`0x${(nonces[first as string] ?? 0).toString(16)}`);
    assert.equal(method, "eth_call");
    const { to, data } = first as { to?: string; data: string };
    if (to !== undefined) return Promise.resolve(totalSupply);
    return data.includes("1e") && !clz ? Promise.reject(new Error("invalid opcode: opcode 0x1e not defined")) : Promise.resolve("0x00");
  };
  return { chain: { call: call as Site["chain"]["call"] }, chainId: 11155111, deployer };
}

test("A49 the parameters that are shipped for a public network deploy nothing as they are, and everything once they are filled in", async () => {
  const text = (await faultsOf("Assay", { ...shipped, stakeToken: token }, site())).join("\n");
  for (const name of ["treasury", "admin", "guardian"]) assert.match(text, new RegExp(`${name} is missing`));
  assert.deepEqual(await faultsOf("Assay", filled, site()), []);
  assert.deepEqual(await faultsOf("AssayHandover", filled, site()), []);
  assert.deepEqual(await faultsOf("AssayLocal", read("localhost").AssayLocal!, { ...site(), chainId: 31337 }), []);
});

test("A49 an account that is a placeholder is refused, whatever it is for", async () => {
  const placeholders = [
    "0x0000000000000000000000000000000000000000",
    "0x0000000000000000000000000000000000000001",
    "0x000000000000000000000000000000000000dEaD",
    "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE",
    "0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    "0x1234567890123456789012345678901234567890",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", // the second account of every development network
  ];
  const used = Object.fromEntries(placeholders.map((address) => [address, 1]));
  for (const name of ["treasury", "admin", "guardian"]) {
    for (const address of placeholders) {
      const faults = await faultsOf("Assay", { ...filled, [name]: address }, site({ nonces: { ...used, [admin]: 1 } }));
      assert.deepEqual(faults.length, 1, `${name} ${address}`);
      assert.match(faults[0]!, new RegExp(`^${name} ${address} .*has its key$`));
    }
  }
  assert.equal(placeholder("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", 31337), null);
  for (let seed = 1; seed < 50; seed++) assert.equal(placeholder(account(seed), 1), null);
  const deployedByAll = { ...site(), deployer: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8" };
  assert.match((await faultsOf("Assay", filled, deployedByAll)).join(), /^the deployer 0x7099.* everybody has its key$/);
});

test("A49 nothing is handed over to an administrator that never acted, nor to the deployer that gives up its role", async () => {
  for (const module of ["Assay", "AssayHandover"] as const) {
    const [fault, ...others] = await faultsOf(module, filled, site({ nonces: {} }));
    assert.match(fault!, /^admin 0x.* has no code and has never sent a transaction on this chain/);
    assert.deepEqual(others, []);
    assert.deepEqual(await faultsOf(module, filled, site({ nonces: {}, code: { [token]: "0x60", [admin]: "0x60" } })), []);
  }
  assert.match((await faultsOf("AssayHandover", { ...filled, admin: deployer }, site())).join(), /nobody would be left to administer$/);
  assert.deepEqual(await faultsOf("Assay", { ...filled, admin: deployer }, site()), []);
  assert.match((await faultsOf("Assay", { ...filled, admin: token }, site())).join(), /is the stake token/);
  assert.match((await faultsOf("Assay", { ...filled, guardian: "0x12" }, site())).join(), /guardian is 0x12 and must be an address/);
});

test("A49 a stake token without code, or that is none, is refused", async () => {
  const faults = async (chain: Chain, parameters: ModuleParameters = filled) => (await faultsOf("Assay", parameters, site(chain))).join();
  assert.match(await faults({ code: {} }), /^stakeToken 0x.* has no code on this chain/);
  assert.match(await faults({ code: { [token]: `0xef0100${"11".repeat(20)}` } }), /has no code on this chain/);
  assert.match(await faults({ totalSupply: "0x" }), /has no totalSupply\(\): it is no ERC-20/);
  assert.match(await faults({}, { ...filled, stakeToken: undefined }), /^stakeToken is missing/);
});

test("A49 every bound that the constructors check is checked before, in words", async () => {
  assert.ok(brokenRules.length >= 17);
  for (const { breaks, says } of brokenRules) {
    const faults = await faultsOf("Assay", { ...filled, ...breaks }, site());
    assert.ok(
      faults.some((fault) => says.test(fault)),
      `${JSON.stringify(breaks)}: ${faults.join()}`,
    );
  }
  assert.match((await faultsOf("Assay", { ...filled, clock: 1.5 }, site())).join(), /^clock is 1.5 and must be a whole number/);
  assert.match((await faultsOf("Assay", { ...filled, minBond: "5" }, site())).join(), /^minBond is 5 and must be a whole number/);
  assert.match((await faultsOf("Assay", { ...filled, clocks: 1 }, site())).join(), /^clocks is no parameter of Assay$/);
});

test("A49 a stake token that anyone may mint is for local networks alone", async () => {
  assert.match((await faultsOf("AssayLocal", read("localhost").AssayLocal!, site())).join(), /can be minted by anyone: on chain 11155111/);
});

test("A48 a chain without CLZ is refused before anything is paid", async () => {
  for (const module of ["Assay", "AssayHandover", "StepVerifier"] as const) {
    assert.match(
      (await faultsOf(module, filled, site({ clz: false }))).join(),
      /^chain 11155111: it doesn't execute CLZ \(EIP-7939, hardfork osaka\)/,
    );
  }
  // Where no init code runs at all, the provider is at fault, not the chain.
  const down: Site = { ...site(), chain: { call: () => Promise.reject(new Error("connection refused")) } };
  await assert.rejects(faultsOf("Assay", filled, down), /connection refused/);
});

for (const network of ["localhost", "sepolia"]) {
  test(`A06 on ${network}, a bond can't leave while it may still be lost`, () => {
    const [parameters] = Object.values(read(network)) as [Record<string, number>];
    const { defendTime, clock, moveTime, grace, maxGrace, baseTime, chunkTime, disputeBound, unbondingPeriod, maxChallengeWindow } =
      parameters;
    const dispute = maxDuration({ defendTime: defendTime!, clock: clock!, moveTime: moveTime!, grace: grace!, maxGrace: maxGrace! });
    // Of the answer and of its input, in at most 142 chunks, each with a window of its own afterwards.
    const longest = dispute + 2 * baseTime! + 142 * chunkTime! + 2 * maxGrace!;
    assert.ok(longest <= disputeBound!, `publications and a dispute may take ${longest} s`);
    assert.ok(unbondingPeriod! > maxChallengeWindow! + disputeBound!);
  });
}
