import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../../oracle/challenger/backoff.ts";
import { Fetches } from "../../../oracle/challenger/fetches.ts";
import { ContentMismatchError } from "../../../oracle/content/contentError.ts";
import type { Job } from "../../../oracle/core/job.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";

const job = (requestId: string, operator: string): Job =>
  ({ requestId, request: { inputRoot: "in" }, answer: { operator, outputRoot: `root of ${requestId}`, submittedAt: 1 } }) as unknown as Job;

interface Asked {
  uri: string;
  resolve(bytes: Uint8Array): void;
  reject(error: Error): void;
}

function open() {
  const asked: Asked[] = [];
  const clock = { now: 100 };
  const ended = { count: 0 };
  const fetches = new Fetches({
    content: {
      fetchBundle(uri, _root, signal) {
        const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
        asked.push({ uri, resolve, reject });
        return promise;
      },
    },
    placesOf: ({ requestId, answer }) => [
      { uri: "", root: "in", bundle: "INPUT" },
      { uri: requestId, root: answer!.outputRoot, bundle: "OUTPUT" },
    ],
    now: () => clock.now,
    onProgress: () => void ended.count++,
    log: createLog("silent"),
  });
  const settle = async (count: number) => {
    while (ended.count < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { asked, clock, fetches, settle, uris: () => asked.map(({ uri }) => uri) };
}

test("N25 one operator's slow answers take at most two fetches, and as many operators as there are get theirs", async () => {
  const { fetches, uris } = open();
  const jobs = [...["a1", "a2", "a3", "a4"].map((id) => job(id, "a")), job("b1", "b"), job("c1", "c")];
  fetches.start(jobs);
  fetches.start(jobs);
  assert.deepEqual(uris(), ["a1", "a2", "b1", "c1"]);
  await fetches.stop();
});

test("N25 what failed is tried again after what was never tried, and waits from the end of its attempt, longer each time", async () => {
  const { fetches, asked, clock, settle, uris } = open();
  const jobs = ["a1", "a2", "a3"].map((id) => job(id, "a"));
  fetches.start(jobs);
  // The attempts took an hour of chain time.
  clock.now = 3700;
  asked[0]!.reject(new Error("reset"));
  asked[1]!.reject(new Error("reset"));
  await settle(2);
  fetches.start(jobs);
  assert.deepEqual(uris(), ["a1", "a2", "a3"]);
  clock.now = 3705;
  fetches.start(jobs);
  assert.deepEqual(uris(), ["a1", "a2", "a3", "a1"]);
  asked[3]!.reject(new Error("reset"));
  await settle(3);
  clock.now = 3714;
  asked[2]!.resolve(new Uint8Array());
  await settle(4);
  fetches.start([job("a1", "a")]);
  assert.equal(asked.length, 4, "ten seconds after the second failure");
  clock.now = 3715;
  fetches.start([job("a1", "a")]);
  assert.equal(asked.length, 5);
  await fetches.stop();
});

test("A29 bytes are hidden where something else lies, where three tries failed, or where the window is about to end", async () => {
  const { fetches, asked, clock, settle } = open();
  const one = { ...job("a1", "a"), finalizableAt: 1100, request: { inputRoot: "in", params: { challengeWindow: 1000 } } } as unknown as Job;
  fetches.start([one]);
  assert.deepEqual(fetches.hidden(one), [], "nothing has been tried");
  for (let tries = 1; tries <= 3; tries++) {
    asked.at(-1)!.reject(new Error("reset"));
    await settle(tries);
    assert.equal(fetches.has(one), false);
    assert.deepEqual(fetches.hidden(one), tries < 3 ? [] : ["OUTPUT"]);
    clock.now += 25;
    fetches.start([one]);
  }
  asked.at(-1)!.resolve(new Uint8Array());
  await settle(4);
  assert.deepEqual([fetches.has(one), fetches.hidden(one)], [true, []], "it came after all");

  const other = { ...one, requestId: "b1" };
  fetches.start([other]);
  asked.at(-1)!.reject(new ContentMismatchError("another root"));
  await settle(5);
  assert.deepEqual([fetches.has(other), fetches.hidden(other)], [false, ["OUTPUT"]]);

  const late = { ...one, requestId: "c1", finalizableAt: clock.now + 249 };
  fetches.start([late]);
  asked.at(-1)!.reject(new Error("reset"));
  await settle(6);
  assert.deepEqual(fetches.hidden(late), ["OUTPUT"]);
  assert.deepEqual(fetches.hidden({ ...late, finalizableAt: clock.now + 250 }), []);
  await fetches.stop();
});

test("A29 A31 N25 many answers behind servers that never end are all hidden before their windows end, the untried ones, too", async () => {
  const { fetches, clock, uris } = open();
  const params = { challengeWindow: 600 };
  const lies = Array.from(
    { length: 50 },
    (_, i) => ({ ...job(`a${i}`, "a"), finalizableAt: 700, request: { inputRoot: "in", params } }) as unknown as Job,
  );
  fetches.start(lies);
  assert.deepEqual(uris(), ["a0", "a1"]);
  const hidden = () => lies.filter((lie) => fetches.hidden(lie).join() === "OUTPUT").length;
  clock.now = 550;
  fetches.start(lies);
  assert.equal(hidden(), 0, "there is time");
  clock.now = 551;
  fetches.start(lies);
  assert.equal(hidden(), 50);
  await fetches.stop();
});

test("A29 what has only just been seen is tried before it counts as hidden, however late it is", async () => {
  const { fetches, clock } = open();
  const params = { challengeWindow: 600 };
  const late = { ...job("a1", "a"), finalizableAt: 700, request: { inputRoot: "in", params } } as unknown as Job;
  clock.now = 560;
  fetches.start([late]);
  clock.now = 619;
  assert.deepEqual(fetches.hidden(late), []);
  clock.now = 620;
  assert.deepEqual(fetches.hidden(late), ["OUTPUT"]);
  await fetches.stop();
});

test("N25 waits double up to five minutes and end with a success", () => {
  const backoff = new Backoff();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    backoff.fail("x", 1000);
    let seconds = 0;
    while (backoff.waits("x", 1000 + seconds)) seconds++;
    waits.push(seconds);
  }
  assert.deepEqual(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
  backoff.succeed("x");
  assert.equal(backoff.waits("x", 0), false);
});
