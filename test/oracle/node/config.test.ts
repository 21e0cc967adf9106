import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { inspect } from "node:util";
import { encryptKeystoreJsonSync, Wallet } from "ethers";
import { stringify } from "smol-toml";
import { loadConfig } from "../../../oracle/config.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-config-"));
const path = join(folder, "assay.toml");
const wallet = Wallet.createRandom();
after(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("ASSAY_")) delete process.env[name];
});

const valid = {
  dataDirectory: "data",
  chain: { rpc: ["http://127.0.0.1:8545"] },
  contracts: {
    chainId: 31337,
    coordinator: `0x${"11".repeat(20)}`,
    operatorRegistry: `0x${"22".repeat(20)}`,
    modelRegistry: `0x${"33".repeat(20)}`,
  },
  operator: { keyFile: "key" },
};
writeFileSync(join(folder, "key"), `${wallet.privateKey}\n`);

function write(config: object): void {
  writeFileSync(path, stringify(config));
}

test("a file is enough; paths are relative to it", async () => {
  write(valid);
  const config = await loadConfig(path);
  assert.equal(config.signer.address, wallet.address);
  assert.equal(config.dataDirectory, join(folder, "data"));
  assert.equal(config.chain.confirmations, 2);
  assert.ok(!inspect(config, { depth: null }).includes(wallet.privateKey.slice(2)), "N13 no key in the configuration");
});

test("own answers are checked after posting by default; levels say otherwise from a bond on", async () => {
  write(valid);
  assert.deepEqual((await loadConfig(path)).selfCheck, { levels: [{ fromBond: 0n, policy: "after" }], sampledShare: 0.1 });
  const levels = [
    { fromBond: "0", policy: "sampled" },
    { fromBond: "1000000000000000000000", policy: "before" },
  ];
  write({ ...valid, selfCheck: { levels, sampledShare: 0.25 } });
  const { selfCheck } = await loadConfig(path);
  assert.deepEqual(selfCheck.levels[1], { fromBond: 10n ** 21n, policy: "before" });
  write({ ...valid, selfCheck: { levels: [{ fromBond: "0", policy: "often" }] } });
  await assert.rejects(loadConfig(path), /selfCheck\.levels\.0\.policy: /);
  write({ ...valid, selfCheck: { sampledShare: 1.5 } });
  await assert.rejects(loadConfig(path), /selfCheck\.sampledShare: /);
});

test("variables stand in for the file, and overrides for both", async () => {
  write(valid);
  process.env.ASSAY_RPC = "http://a.example, ws://b.example";
  process.env.ASSAY_KEY = Wallet.createRandom().privateKey;
  process.env.ASSAY_LOG_LEVEL = "debug";
  const config = await loadConfig(path, { log: { level: "error" } });
  assert.deepEqual(config.chain.rpc, ["http://a.example", "ws://b.example"]);
  assert.equal(config.log.level, "error");
  assert.notEqual(config.signer.address, wallet.address);
});

test("a deployment file stands in for the addresses, and may hold more", async () => {
  const { contracts, ...rest } = valid;
  writeFileSync(join(folder, "deployment.json"), JSON.stringify({ ...contracts, stakeToken: "0x", startBlock: 7 }));
  write({ ...rest, contracts: { file: "deployment.json" } });
  const config = await loadConfig(path);
  assert.equal(config.contracts.startBlock, 7);
  assert.equal(config.contracts.chainId, 31337);
});

test("an encrypted keystore is opened with its password, and only with it", async () => {
  const account = { address: wallet.address, privateKey: wallet.privateKey };
  writeFileSync(join(folder, "keystore.json"), encryptKeystoreJsonSync(account, "right", { scrypt: { N: 1024, r: 8, p: 1 } }));
  write({ ...valid, operator: { keystoreFile: "keystore.json" } });
  await assert.rejects(loadConfig(path), /the keystore needs its password: write operator.passwordFile or set ASSAY_KEYSTORE_PASSWORD/);
  process.env.ASSAY_KEYSTORE_PASSWORD = "right";
  assert.equal((await loadConfig(path)).signer.address, wallet.address);
  process.env.ASSAY_KEYSTORE_PASSWORD = "wrong";
  await assert.rejects(loadConfig(path), /the keystore's password is wrong/);
});

for (const [name, change, message] of [
  ["a missing key", { dataDirectory: undefined }, /dataDirectory: is missing: write a text in quotes/],
  ["a key that doesn't exist", { chain: { ...valid.chain, rpcs: [] } }, /chain\.rpcs is not a key of the configuration/],
  ["a URL that is none", { chain: { rpc: ["localhost:8545"] } }, /chain\.rpc\.0: write a URL that starts with http:/],
  ["an address that is none", { contracts: { ...valid.contracts, coordinator: "0x12" } }, /contracts\.coordinator: write an address/],
  ["a wrong type", { scheduler: { workers: 0 } }, /scheduler\.workers: /],
  ["no key at all", { operator: {} }, /the operator has no key: write operator\.keyFile or operator\.keystoreFile, or set ASSAY_KEY/],
  ["a directory for answers that nobody serves", { outputs: { directory: "out" } }, /outputs\.baseUrl is missing/],
] as const) {
  test(`${name} is named, with what to write`, async () => {
    write(Object.fromEntries(Object.entries({ ...valid, ...change }).filter(([, value]) => value !== undefined)));
    await assert.rejects(loadConfig(path), (error: Error) => {
      assert.equal(error.name, "ConfigError");
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"), "one line");
      return true;
    });
  });
}

test("a file that is missing or no TOML is named", async () => {
  await assert.rejects(loadConfig(join(folder, "none.toml")), /none\.toml can't be read \(ENOENT\)/);
  writeFileSync(path, "a = = b");
  await assert.rejects(loadConfig(path), /assay\.toml is not TOML/);
});

test("N13 a key that can't be used is not repeated in the error", async () => {
  write(valid);
  for (const key of [`${wallet.privateKey}00`, "f".repeat(64), wallet.privateKey.slice(0, 60)]) {
    process.env.ASSAY_KEY = key;
    await assert.rejects(loadConfig(path), (error: Error) => {
      assert.match(error.message, /the operator's key can't be used/);
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
        assert.ok(!`${cause.message} ${cause.stack}`.includes(key.slice(2, 40)));
      }
      return true;
    });
  }
});

test("A47 private endpoints are URLs, and a fallback from none is refused", async () => {
  write({ ...valid, submit: { rpc: ["ipc:/endpoint"] } });
  await assert.rejects(loadConfig(path), { message: /submit\.rpc\.0: write a URL that starts with http/ });
  write({ ...valid, submit: { publicFallback: true } });
  await assert.rejects(loadConfig(path), { message: /submit\.publicFallback without submit\.rpc: name the private endpoints/ });
  write({ ...valid, submit: { rpc: ["https://private.example"] } });
  assert.deepEqual((await loadConfig(path)).submit, { rpc: ["https://private.example"], publicFallback: false });
  process.env.ASSAY_SUBMIT_RPC = "https://one.example, https://two.example";
  assert.deepEqual((await loadConfig(path)).submit.rpc, ["https://one.example", "https://two.example"]);
});
