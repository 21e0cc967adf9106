import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Database } from "../../../oracle/store/database.ts";
import { startChain } from "../../support/chain.ts";
import { deploySystem, type TestSystem } from "../../support/deployment.ts";
import { startFaultyProvider } from "../../support/faultyProvider.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { startNodeProcess } from "../../support/nodeProcess.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-start-"));
let system: TestSystem;
let folders = 0;

before(async () => {
  system = await deploySystem(await startChain(), folder);
});
after(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

const main = fileURLToPath(new URL("../../../oracle/main.ts", import.meta.url));
const newFolder = () => join(folder, String(folders++));

/** Starts a node by its command line until it ends, or has started. @param fileBlocks of 1 KiB, the most that a file may have: a disk that is full. */
async function start(config: string, fileBlocks?: number): Promise<{ code: number | null; err: string; started: boolean }> {
  const limit = fileBlocks === undefined ? "" : `ulimit -f ${fileBlocks}; `;
  const child = spawn(
    "bash",
    ["-c", `${limit}exec "$@"`, "bash", process.execPath, main, "start", "--config", config, "--log-level", "fatal"],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [err, started] = ["", false];
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdout.on("data", () => {
    started = true;
    child.kill("SIGTERM");
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, err, started };
}

/** One line that says what happened and what to do, and nothing of a fault of the program. */
function assertExplained(err: string, what: RegExp): void {
  assert.match(err, /^assay: [^\n]+\n$/);
  assert.match(err, what);
  assert.doesNotMatch(err, /unexpected/);
}

test("N30 a disk that is full, wherever the start runs into it: one line, and an exit code of its own", async () => {
  const codes = new Set<number | null>();
  for (const fileBlocks of [0, 1, 4, 16, 64, 128]) {
    const { code, err, started } = await start(writeConfig(system, newFolder(), { locks: join(folder, `locks${fileBlocks}`) }), fileBlocks);
    if (started) continue;
    codes.add(code);
    assertExplained(err, /space/);
  }
  assert.deepEqual([...codes], [11]);
});

test("N30 a store that has no room for another page says so", () => {
  const db = new Database(join(folder, "full.db"));
  db.run("PRAGMA max_page_count = 1");
  const fill = () => {
    for (let i = 0; i < 1000; i++) db.run("INSERT INTO facts (name, value) VALUES (?, ?)", `name ${i}`, "x".repeat(4096));
  };
  assert.throws(fill, { name: "StoreError", message: /full\.db can't be used \(.*full.*\); free some space, then start again/ });
  db.close();
});

test("N30 a store that was cut or overwritten anywhere: rebuilt where it is empty, otherwise one line and an exit code of its own", async () => {
  const first = newFolder();
  const node = startNodeProcess(writeConfig(system, first));
  await node.ready;
  await node.stop();
  const whole = readFileSync(join(first, "data", "store.db"));
  const garbage = (at: number, length: number) => {
    const bytes = Buffer.from(whole);
    bytes.fill(0xa5, at, at + length);
    return bytes;
  };
  const damaged: [string, Buffer][] = [
    ["cut to nothing", whole.subarray(0, 0)],
    ["cut inside its header", whole.subarray(0, 50)],
    ["cut after a page", whole.subarray(0, 4096)],
    ["cut in the middle", whole.subarray(0, whole.length >> 1)],
    ["no database at all", Buffer.from("this is not a database ".repeat(400))],
    ["another first page", garbage(100, 3000)],
    ["another page in the middle", garbage(4096 * 3, 4096)],
  ];
  const outcomes: Record<string, string> = {};
  for (const [how, bytes] of damaged) {
    const path = writeConfig(system, newFolder(), { locks: join(folder, how) });
    cpSync(join(first, "data"), join(path, "..", "data"), { recursive: true });
    writeFileSync(join(path, "..", "data", "store.db"), bytes);
    const { code, err, started } = await start(path);
    outcomes[how] = started ? "started" : String(code);
    if (!started) assertExplained(err, /store\.db .*move it away and start again/);
  }
  assert.deepEqual(outcomes, Object.fromEntries(damaged.map(([how, bytes]) => [how, bytes.length === 0 ? "started" : "11"])));
  const locked = writeConfig(system, newFolder(), { locks: join(folder, "damaged") });
  cpSync(join(first, "data"), join(locked, "..", "data"), { recursive: true });
  writeFileSync(join(locked, "..", "data", "lock"), "no database".repeat(1000));
  const { code, err } = await start(locked);
  assert.equal(code, 11);
  assertExplained(err, /lock is damaged; remove it and start again/);
});

test("N30 a provider that is no Ethereum provider, or refuses: one line, and the exit code of an unreachable chain", async () => {
  const provider = await startFaultyProvider(system.chain.http);
  const faults: [string, typeof provider.faults, RegExp][] = [
    ["a web page", { refuse: () => ({ status: 200, body: "<html>hello</html>" }) }, /no JSON.*check that the chain runs/],
    [
      "an error",
      { reply: (_, { id }) => ({ id, error: { code: -32603, message: "Internal error" } }) },
      /refuses .*Internal error; check the URLs/,
    ],
    ["nothing", { reply: (_, { id }) => ({ id, result: null }) }, /doesn't answer as an Ethereum provider does: correct chain\.rpc/],
    ["objects", { reply: (_, { id }) => ({ id, result: {} }) }, /doesn't answer as an Ethereum provider does: correct chain\.rpc/],
    ["neither result nor error", { reply: (_, { id }) => ({ id }) }, /neither a result nor an error/],
  ];
  try {
    for (const [what, fault, message] of faults) {
      provider.faults = fault;
      const { code, err } = await start(writeConfig(system, newFolder(), { rpc: [provider.url] }));
      assert.equal(code, 4, `${what}: ${err}`);
      assertExplained(err, message);
    }
  } finally {
    await provider.close();
  }
});
