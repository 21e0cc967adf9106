import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import json5 from "json5";
import type { ModuleParameters } from "../../ignition/faults.ts";
import { runAssay } from "../../scripts/local/processes.ts";
import { PublicNetwork } from "../support/deploying.ts";
import { until } from "../support/until.ts";

const shipped = json5.parse<Record<string, ModuleParameters>>(
  readFileSync(new URL("../../ignition/parameters/sepolia.json5", import.meta.url), "utf8"),
).Assay!;

let network: PublicNetwork;
let deployer: string;
let parameters: ModuleParameters;

before(async () => {
  network = await PublicNetwork.start();
  const [first, admin, guardian, treasury] = (await network.accounts()) as [string, string, string, string];
  deployer = first;
  await network.call("eth_sendTransaction", { from: admin, to: admin });
  parameters = { ...shipped, stakeToken: await network.deployToken(), admin, guardian, treasury };
});
after(() => network.close());

/** `assay deployment check` of what the last deployment has written. */
async function check(over: ModuleParameters = {}) {
  const file = join(network.directory, "parameters.json5");
  writeFileSync(file, JSON.stringify({ Assay: { ...parameters, ...over } }));
  const deployment = join(network.deployment, "deployment.json");
  const { code, out } = await runAssay(["deployment", "check", "--deployment", deployment, "--parameters", file, "--json"]);
  return { code, out };
}

test("A49 what is refused costs nothing: placeholders, nobody, a token without code, a bound", async () => {
  const cases: [over: ModuleParameters, says: RegExp][] = [
    [{ admin: "0x0000000000000000000000000000000000000001" }, /admin 0x0{39}1 is a placeholder/],
    [{ admin: undefined, guardian: undefined }, /admin is missing[\s\S]*guardian is missing/],
    [{ stakeToken: deployer }, /stakeToken 0x.* has no code on this chain/],
    [{ clock: 0 }, /clock is 0/],
  ];
  for (const [over, says] of cases) {
    for (const module of ["Assay", "AssayHandover"] as const) {
      const { ok, text } = await network.deploy(module, { ...parameters, ...over });
      assert.equal(ok, false);
      assert.match(text, /Nothing was sent/);
      assert.match(text, says);
    }
  }
  assert.match((await network.deploy("AssayHandover", { ...parameters, admin: deployer })).text, /nobody would be left to administer/);
  assert.match((await network.deploy("AssayLocal", shipped)).text, /can be minted by anyone/);
  assert.equal(await network.sent(deployer), 0);
});

test("A48 nothing is paid on a chain without CLZ", async () => {
  const old = await PublicNetwork.start({ chainId: 4243, hardfork: "prague" });
  try {
    const [first] = await old.accounts();
    const { ok, text } = await old.deploy("StepVerifier", {});
    assert.equal(ok, false);
    assert.match(text, /Nothing was sent[\s\S]*doesn't execute CLZ \(EIP-7939, hardfork osaka\)/);
    assert.equal(await old.sent(first!), 0);
  } finally {
    await old.close();
  }
});

test(
  "a deployment that was killed, ran out of ETH or was given other parameters goes on or says what to do",
  { timeout: 3_600_000 },
  async () => {
    const script = fileURLToPath(new URL("../support/deploying.ts", import.meta.url));
    const journal = join(network.deployment, "journal.jsonl");
    const text = () => (existsSync(journal) ? readFileSync(journal, "utf8") : "");
    const argv = [script, network.directory, network.url, "Assay", JSON.stringify({ Assay: parameters })];
    const child = spawn(process.execPath, argv, { stdio: "ignore" });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    await until("the operator registry is sent", () => text().includes('"Assay#OperatorRegistry","networkInteractionId"'), 500_000);
    child.kill("SIGKILL");
    await gone;
    const paid = await network.sent(deployer);
    assert.ok(paid > 0);
    // As a kill in the middle of writing it leaves it.
    writeFileSync(join(network.deployment, "deployed_addresses.json"), '{ "Assay#AccessManager"');

    const changed = await network.deploy("Assay", { ...parameters, disputeBound: 1_296_001 });
    assert.equal(changed.ok, false);
    assert.match(changed.text, /Nothing was sent[\s\S]*disputeBound of OperatorRegistry is 1296000; the parameters say 1296001/);
    assert.match(changed.text, /Put the old values back and run it again[\s\S]*--deployment-id NAME/);
    assert.equal(await network.sent(deployer), paid);

    const balance = await network.call<string>("eth_getBalance", deployer, "latest");
    await network.call("hardhat_setBalance", deployer, "0x1");
    const poor = await network.deploy("Assay", parameters);
    assert.equal(poor.ok, false);
    assert.match(poor.text, /run the same command again/);
    await network.call("hardhat_setBalance", deployer, balance);

    const again = await network.deploy("Assay", parameters);
    assert.ok(again.ok, again.text);
    assert.match(again.text, /The deployer still administers, too/);
    const late = await network.deploy("Assay", { ...parameters, protocolFeeBps: 201, treasury: deployer });
    assert.match(late.text, /protocolFeeBps of InferenceCoordinator is 200; the parameters say 201/);
    assert.match(late.text, /treasury of InferenceCoordinator is 0x/);
  },
);

test("what is deployed is written down for nodes, handed over and checked", { timeout: 3_600_000 }, async () => {
  const written = JSON.parse(readFileSync(join(network.deployment, "deployment.json"), "utf8")) as Record<string, unknown>;
  assert.equal(written.chainId, network.chainId);
  assert.ok(Number(written.startBlock) > 0);
  const early = await check();
  assert.equal(early.code, 12);
  assert.match(early.out, /"holds ADMIN"/);

  const handed = await network.deploy("AssayHandover", parameters);
  assert.ok(handed.ok, handed.text);
  assert.match(handed.text, /Read back: \d+ facts, all as the parameters say/);
  const { code, out } = await check();
  assert.equal(code, 0, out);
  const wrong = await check({ challengerBond: 1 });
  assert.equal(wrong.code, 12);
  const { error } = JSON.parse(wrong.out) as { error: { failure: string; message: string; details: { differing: number } } };
  assert.deepEqual([error.failure, error.details.differing], ["differs", 1]);
  assert.match(error.message, /challengerBond/);
});
