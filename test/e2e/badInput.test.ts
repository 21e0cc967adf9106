import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { buildTiny } from "../../examples/tiny/model.ts";
import { runAssay } from "../../scripts/local/processes.ts";
import { startNetwork, type Network } from "../support/commandLine.ts";

let network: Network;
after(() => network?.close());
let modelId: string;
let model: string;
let unharmed: string;

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(network.directory, name);
  writeFileSync(path, content);
  return path;
};

const tensor = (shape: number[], dtype = "float32") =>
  file(`${dtype}-${shape.join("x")}.json`, JSON.stringify({ dtype, shape, data: Array(shape.reduce((a, b) => a * b)).fill(1) }));

const people = ["admin", "operator", "author", "requester"] as const;

/** All that an account could lose: its transactions and its money. */
async function possessions({ system }: Network): Promise<string> {
  const { chain } = system;
  const each = await Promise.all(
    people.map(async (name) => {
      const { address } = system.signer(name);
      const nonce = await chain.rpc.call<string>("eth_getTransactionCount", [address, "pending"]);
      return [
        name,
        nonce,
        await chain.balanceOf(address, `0x${"0".repeat(40)}`),
        await chain.balanceOf(address, chain.deployment.stakeToken),
      ].join(" ");
    }),
  );
  return each.join("\n");
}

before(async () => {
  network = await startNetwork();
  const { system } = network;
  model = await system.writeModel("tiny", buildTiny());
  ({ modelId } = await system.registerModel("author", "registered", buildTiny(2)));
  unharmed = await possessions(network);
});

const unknown = `0x${"ab".repeat(32)}`;
const money = ["--fee", "0.01", "--bond", "10", "--account", "requester"];
const ask = (id: string, input: string, ...rest: string[]) => ["request", id, "--input", input, ...money, ...rest];

interface Case {
  args: () => string[];
  code: number;
  says: RegExp;
  env?: () => NodeJS.ProcessEnv;
  /** Whether the verb takes `--deployment`. */
  deployment?: boolean;
}

const cases: Record<string, Case> = {
  "an unknown model": { args: () => ask(unknown, tensor([1, 16])), code: 6, says: /model 0xabab.* is not registered here; register it/ },
  "a model's name that is no identity": {
    args: () => ask("recogniser", tensor([1, 16])),
    code: 2,
    says: /recogniser is no model identity/,
  },
  "a wrong shape": {
    args: () => ask(modelId, tensor([16])),
    code: 3,
    says: /holds float32\[16\], the model takes x: float32\[1, 16\]; give it/,
  },
  "a wrong element type": {
    args: () => ask(modelId, tensor([1, 16], "int32")),
    code: 3,
    says: /holds int32\[1, 16\], the model takes x: float32/,
  },
  "raw bytes of a wrong length": {
    args: () => ask(modelId, file("x.raw", new Uint8Array(60))),
    code: 3,
    says: /takes 64 bytes, not 60; the model takes x/,
  },
  "a cut .npy": { args: () => ask(modelId, file("x.npy", "nothing")), code: 3, says: /x\.npy: this is no \.npy file/ },
  "too many inputs": {
    args: () => [...ask(modelId, tensor([1, 16])), "--input", tensor([1, 16])],
    code: 2,
    says: /takes 1 input \(x: float32\[1, 16\]\), 2 given/,
  },
  "an input file that is missing": {
    args: () => ask(modelId, "/nowhere/x.npy"),
    code: 3,
    says: /\/nowhere\/x\.npy does not exist; check the path/,
  },
  "an input URI behind which nothing lies": {
    args: () => ask(modelId, tensor([1, 16]), "--uri", pathToFileURL(join(network.directory, "none.bin")).href),
    code: 9,
    says: /none\.bin does not exist/,
  },
  "an input URI behind which something else lies": {
    args: () => ask(modelId, tensor([1, 16]), "--uri", pathToFileURL(file("other.bin", Uint8Array.of(0))).href),
    code: 9,
    says: /other\.bin has the root .* not the root/,
  },
  "an unfunded key": {
    args: () => [
      "request",
      modelId,
      "--input",
      tensor([1, 16]),
      "--fee",
      "0.01",
      "--bond",
      "10",
      "--key-file",
      file("poor.key", `0x${"42".repeat(32)}`),
    ],
    code: 5,
    says: /has 0\.0 ETH, this takes 0\.01 ETH and gas; send it some ETH/,
  },
  "an unfunded key from the environment": {
    args: () => ["operator", "register"],
    env: () => ({ ASSAY_KEY: "43".repeat(32) }),
    code: 5,
    says: /has 0\.0 ETH.*send it some ETH/,
  },
  "a key that is none": {
    args: () => ["operator", "register", "--key-file", file("bad.key", "secret")],
    code: 3,
    says: /the key is not 64 hexadecimal digits/,
  },
  "no key": { args: () => ["operator", "register"], code: 2, says: /whose key signs this\? Give --account NAME/ },
  "an account that isn't there": {
    args: () => ["operator", "register", "--account", "nobody"],
    code: 2,
    says: /no account "nobody"; it has admin, operator/,
  },
  "a dead RPC": {
    args: () => [...ask(modelId, tensor([1, 16])), "--rpc", "http://127.0.0.1:1"],
    code: 4,
    says: /no chain provider answers.*check that the chain runs/,
  },
  "a file that is no ONNX": {
    args: () => ["model", "register", file("text.onnx", "text"), "--uri", "https://example.com/x", "--account", "author"],
    code: 3,
    says: /text\.onnx is not a model .*name a model in ONNX format/,
  },
  "a model's URI behind which nothing lies": {
    args: () => [
      "model",
      "register",
      model,
      "--uri",
      pathToFileURL(join(network.directory, "models/none.onnx")).href,
      "--account",
      "author",
    ],
    code: 9,
    says: /none\.onnx does not exist/,
  },
  "a model's URI behind which another file lies": {
    args: () => [
      "model",
      "register",
      model,
      "--uri",
      pathToFileURL(join(network.directory, "models/registered.onnx")).href,
      "--account",
      "author",
    ],
    code: 9,
    says: /registered\.onnx has the hash .* another file/,
  },
  "no model URI": {
    args: () => ["model", "register", model, "--account", "author"],
    code: 2,
    says: /required option '--uri <uri>' not specified/,
  },
  "a royalty that is no percentage": {
    args: () => ["model", "register", model, "--uri", "https://example.com/x", "--royalty", "200", "--account", "author"],
    code: 2,
    says: /--royalty 200 is no percentage/,
  },
  "an operator that isn't registered": {
    args: () => ["operator", "status", "requester"],
    code: 6,
    says: /is no operator here; register it/,
  },
  "stake without an operator": {
    args: () => ["operator", "serve", modelId, "--account", "operator"],
    code: 7,
    says: /is no operator; register it first|OperatorNotRegistered/,
  },
  "more stake than tokens": {
    args: () => ["operator", "stake", "2000000", "--account", "operator"],
    code: 5,
    says: /has 1000000\.0 ATT, this needs 2000000\.0 ATT/,
  },
  "an amount that is none": {
    args: () => ["operator", "stake", "much", "--account", "operator"],
    code: 2,
    says: /<amount> much is no amount/,
  },
  "a bond below the least": {
    args: () => [...ask(modelId, tensor([1, 16])).map((arg) => (arg === "10" ? "1wei" : arg))],
    code: 7,
    says: /a bond of 1 is outside 1000000000000000000 to \d+ \(smallest unit\)/,
  },
  "a challenge window beyond the bounds": {
    args: () => [...ask(modelId, tensor([1, 16])), "--window", "60d"],
    code: 7,
    says: /a challenge window of 5184000 s is outside/,
  },
  "a request that isn't there": { args: () => ["request", "show", unknown], code: 6, says: /there is no request 0xabab/ },
  "finalizing a request that isn't there": {
    args: () => ["finalize", unknown, "--account", "requester"],
    code: 6,
    says: /there is no request 0xabab/,
  },
  "retracting an answer to a request that isn't there": {
    args: () => ["operator", "retract", unknown, "--account", "operator"],
    code: 6,
    says: /there is no request 0xabab/,
  },
  "withdrawing nothing": { args: () => ["operator", "withdraw", "--account", "requester"], code: 7, says: /has nothing to withdraw now/ },
  "withdrawing from disputes that paid nothing": {
    args: () => ["dispute", "withdraw", "--account", "requester"],
    code: 7,
    says: /disputes owe 0x\w{40} nothing/,
  },
  "disputes of somebody unknown": {
    args: () => ["dispute", "list", "--of", "nobody"],
    code: 2,
    says: /nobody is neither an address nor an account of/,
  },
  "no deployment": {
    args: () => ["request", "list", "--deployment", "/nowhere.json"],
    code: 3,
    says: /no deployment at \/nowhere\.json: start one/,
    deployment: false,
  },
  "a deployment file that is none": {
    args: () => ["request", "list", "--deployment", file("odd.json", '{"chainId": 31337}')],
    code: 3,
    says: /odd\.json is no deployment file: coordinator/,
    deployment: false,
  },
  "a port that is taken": {
    args: () => [
      "devnet",
      "--port",
      new URL(network.system.chain.deployment.rpcUrl!).port,
      "--out",
      join(network.directory, "second/deployment.json"),
    ],
    code: 10,
    says: /port \d+ is taken; choose another with --port/,
    deployment: false,
  },
  "a node without a configuration": {
    args: () => ["start", "--config", "/nowhere.toml"],
    code: 3,
    says: /the configuration \/nowhere\.toml can't be read/,
    deployment: false,
  },
  "a node with an unknown provider": {
    args: () => ["start", "--providers", "abacus"],
    code: 2,
    says: /"abacus" is none of cuda, webgpu, cpu/,
    deployment: false,
  },
};

describe("bad input gives one clear line, an exit code, and loses nothing", { concurrency: 3 }, () => {
  for (const [name, { args, code, says, env, deployment = true }] of Object.entries(cases)) {
    test(name, async () => {
      const line = [...args(), ...(deployment ? ["--deployment", network.system.deploymentFile] : [])];
      const result = await runAssay(line, env?.());
      assert.match(result.err, says);
      assert.equal(result.code, code, result.err);
      assert.equal(result.out, "");
      const lines = result.err.trim().split("\n");
      // commander points to --help in a second line; progress may stand before the error.
      assert.ok(lines.filter((text) => /^(assay|error):/.test(text)).length === 1 && lines.length <= 2, result.err);
      assert.equal(await possessions(network), unharmed);
    });
  }
});
