import assert from "node:assert/strict";
import { once } from "node:events";
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { encodeBundle } from "../../../oracle/core/tensor.ts";
import { keccak256 } from "../../../oracle/core/traceTree.ts";
import { isPublicAddress } from "../../../oracle/content/address.ts";
import { ContentStore, type ContentStoreOptions } from "../../../oracle/content/contentStore.ts";

const content = Buffer.from("the bytes of a model");
const hashOf = (bytes: Uint8Array) => `0x${Buffer.from(keccak256(bytes)).toString("hex")}`;
const hash = hashOf(content);

let scratch: string;
let stores = 0;
const servers: Server[] = [];

const store = (options: Partial<ContentStoreOptions> = {}) =>
  new ContentStore({ directory: join(scratch, `store${stores++}`), maxBytes: 1 << 20, ...options });

/** @returns the base URL of a server of its own. */
async function serve(listener: RequestListener, host = "127.0.0.1"): Promise<string> {
  const server = createServer(listener).listen(0, host);
  servers.push(server);
  await once(server, "listening");
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "assay-test-"));
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
after(() => rm(scratch, { recursive: true }));

test("an artifact is fetched once, kept by its hash and handed out from the cache", async () => {
  let requests = 0;
  const base = await serve((_, response) => {
    requests++;
    response.end(content);
  });
  const kept = store({ allowPrivateAddresses: true });
  const [first, second] = await Promise.all([
    kept.fetchArtifact(`${base}/m`, hash),
    kept.fetchArtifact(`${base}/m`, hash.toUpperCase().replace("0X", "0x")),
  ]);
  assert.deepEqual(first, second);
  assert.deepEqual({ hash: first.hash, bytes: first.bytes }, { hash, bytes: content.length });
  assert.deepEqual(await readFile(first.path), content);
  await kept.fetchArtifact("http://unreachable.invalid/", hash);
  assert.equal(requests, 1);
});

test("a bundle is fetched, checked against its root and kept", async () => {
  const bytes = encodeBundle([{ dtype: "uint8", shape: [3], data: Uint8Array.of(1, 2, 3) }]);
  const base = await serve((_, response) => response.end(bytes));
  const [one, other] = [store({ allowPrivateAddresses: true }), store()];
  const { root } = await other.putBundle(bytes);
  assert.deepEqual(Buffer.from(await one.fetchBundle(base, root)), Buffer.from(bytes));
  assert.deepEqual(Buffer.from(await other.fetchBundle("http://unreachable.invalid/", root)), Buffer.from(bytes));
  await assert.rejects(one.fetchBundle(base, hash), {
    name: "ContentMismatchError",
    retryable: false,
    message: /has the root 0x.*, not the root/,
  });
  await assert.rejects(other.putBundle(content), { name: "ContentError" });
});

test("N08 a cached file that was cut or flipped is fetched again", async () => {
  const base = await serve((_, response) => response.end(content));
  const directory = join(scratch, "damaged");
  const options = { directory, allowPrivateAddresses: true };
  const { path } = await store(options).fetchArtifact(base, hash);
  for (const damage of [content.subarray(1), Buffer.from("The bytes of a model")]) {
    await writeFile(path, damage);
    const again = await store(options).fetchArtifact(base, hash);
    assert.deepEqual(await readFile(again.path), content);
  }
});

test("N08 a download that breaks off leaves nothing behind", async () => {
  const base = await serve((_, response) => {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, 5), () => response.destroy());
  });
  const directory = join(scratch, "broken");
  await assert.rejects(store({ directory, allowPrivateAddresses: true }).fetchArtifact(base, hash), {
    name: "ContentError",
    retryable: true,
  });
  assert.deepEqual(await readdir(join(directory, "artifacts")), []);
});

test("N09 a cached file swapped while the node runs is noticed", async () => {
  const base = await serve((_, response) => response.end(content));
  const kept = store({ allowPrivateAddresses: true });
  const { path } = await kept.fetchArtifact(base, hash);
  await writeFile(path, "THE BYTES OF A MODEL");
  await utimes(path, 1, 1);
  await kept.fetchArtifact(base, hash);
  assert.deepEqual(await readFile(path), content);
});

test("N09 another file than the registered one is refused", async () => {
  const base = await serve((_, response) => response.end("another file"));
  await assert.rejects(store({ allowPrivateAddresses: true }).fetchArtifact(base, hash), {
    retryable: false,
    message: /another file than the one registered/,
  });
  await assert.rejects(store().fetchArtifact(base, "0x../../etc/passwd"), { name: "ContentError", message: /is no hash/ });
});

test("N09 file: URIs stay inside the allowed directories", async () => {
  const [inside, outside] = [join(scratch, "inside"), join(scratch, "inside-not")];
  await Promise.all([inside, outside].map((directory) => mkdir(directory)));
  await writeFile(join(outside, "model"), content);
  await writeFile(join(inside, "model"), content);
  await symlink(join(outside, "model"), join(inside, "link"));
  const options = { allowedFileRoots: [inside] };
  const url = (path: string) => pathToFileURL(path).href;
  assert.equal((await store(options).fetchArtifact(url(join(inside, "model")), hash)).bytes, content.length);
  for (const refused of [
    url(join(outside, "model")),
    url(join(inside, "link")),
    `${url(inside)}/../inside-not/model`,
    `${url(inside)}/%2e%2e/inside-not/model`,
  ]) {
    await assert.rejects(store(options).fetchArtifact(refused, hash), { retryable: false, message: /outside the directories/ });
  }
  await assert.rejects(store().fetchArtifact(url(join(inside, "model")), hash), { message: /outside the directories.*\(none\)/ });
  await assert.rejects(store(options).fetchArtifact(url(join(inside, "missing")), hash), { retryable: false, message: /does not exist/ });
  await assert.rejects(store(options).fetchArtifact(url(inside), hash), { name: "ContentError" });
});

test("N11 private addresses are refused in every spelling", async () => {
  let requests = 0;
  const base = await serve((_, response) => {
    requests++;
    response.end(content);
  });
  const port = new URL(base).port;
  const hosts = [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "169.254.169.254",
    "10.0.0.1",
    "[fe80::1]",
    "[fd00::1]",
  ];
  for (const host of hosts) {
    await assert.rejects(
      store().fetchArtifact(`http://${host}:${port}/`, hash),
      { retryable: false, message: /not a public address/ },
      host,
    );
  }
  assert.equal(requests, 0);
});

test("N11 public and special addresses are told apart", () => {
  for (const address of ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111"]) assert.equal(isPublicAddress(address), true, address);
  for (const address of [
    "172.16.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "ff02::1",
    "no address",
  ]) {
    assert.equal(isPublicAddress(address), false, address);
  }
});

test("N11 a name is resolved once: rebinding it gains nothing", async () => {
  let requests = 0;
  const base = await serve((_, response) => {
    requests++;
    response.end(content);
  });
  const answers = ["127.0.0.1", "8.8.8.8"];
  const url = `http://rebind.test:${new URL(base).port}/`;
  const rebinding = store({ resolve: async () => [{ address: answers.shift()!, family: 4 }] });
  await assert.rejects(rebinding.fetchArtifact(url, hash), { retryable: false, message: /127\.0\.0\.1, which is not a public address/ });
  const both = store({
    resolve: async () => [
      { address: "8.8.8.8", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ],
  });
  await assert.rejects(both.fetchArtifact(url, hash), { message: /127\.0\.0\.1, which is not a public address/ });
  const checked: string[] = [];
  const pinned = store({
    allowPrivateAddresses: true,
    resolve: async (host) => {
      checked.push(host);
      return [{ address: "127.0.0.1", family: 4 }];
    },
  });
  await pinned.fetchArtifact(url, hash);
  assert.deepEqual([checked, requests], [["rebind.test"], 1]);
});

test("N11 a redirect to a private address is refused, from a trusted gateway too", async () => {
  let requests = 0;
  const secret = await serve((_, response) => {
    requests++;
    response.end(content);
  }, "127.0.0.2");
  const gateway = await serve((request, response) => {
    if (request.url === "/ipfs/good/model") response.end(content);
    else response.writeHead(302, { location: secret }).end();
  });
  const options = { ipfsGateway: gateway };
  await store(options).fetchArtifact("ipfs://good/model", hash);
  await assert.rejects(store(options).fetchArtifact("ipfs://evil", hash), {
    retryable: false,
    message: /127\.0\.0\.2, which is not a public address/,
  });
  assert.equal(requests, 0);
  await store({ ...options, allowPrivateAddresses: true }).fetchArtifact("ipfs://evil", hash);
});

test("N11 odd URIs are refused with a reason", async () => {
  const cases: [string, RegExp][] = [
    ["", /no URI was given/],
    ["gopher://x/", /the schemes are file:, http:, https: and ipfs:/],
    ["http://user:secret@8.8.8.8/", /user name or password/],
    ["ipfs://cid/../../api/v0/config", /is no ipfs:\/\/CID\/path/],
    ["ipfs://cid/%2e%2e/api", /is no ipfs/],
    ["ipfs://cid?x=1", /is no ipfs/],
  ];
  for (const [uri, message] of cases) {
    await assert.rejects(store({ ipfsGateway: "http://127.0.0.1:9" }).fetchArtifact(uri, hash), {
      name: "ContentError",
      retryable: false,
      message,
    });
  }
  await assert.rejects(store().fetchArtifact("ipfs://cid", hash), { message: /set an IPFS gateway/ });
});

test("size and time are bounded while the bytes come in", async () => {
  const base = await serve((request, response) => {
    if (request.url === "/endless") {
      const more = (error?: Error | null) => error ?? response.write(Buffer.alloc(1 << 14), more);
      more();
    } else if (request.url === "/announced") response.writeHead(200, { "content-length": 1e12 }).flushHeaders();
    else if (request.url === "/dripping") setInterval(() => response.write("x"), 20).unref();
    else if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (request.url === "/packed") response.writeHead(200, { "content-encoding": "gzip" }).end(content);
    else if (request.url !== "/silent") response.writeHead(Number(request.url!.slice(1))).end();
  });
  // Each has only the limit that it is about: which of two comes first would be up to the machine.
  const unhurried = { idleTimeoutMs: 3_600_000, totalTimeoutMs: 3_600_000 };
  const limits: Record<string, Partial<typeof unhurried>> = { "/dripping": { totalTimeoutMs: 400 }, "/silent": { idleTimeoutMs: 150 } };
  const limited = (path: string) => store({ allowPrivateAddresses: true, ...unhurried, ...limits[path] });
  const cases: [string, boolean, RegExp][] = [
    ["/endless", false, /at most 1048576 are allowed/],
    ["/announced", false, /has 1000000000000 bytes or more/],
    ["/dripping", true, /longer than 400 ms/],
    ["/silent", true, /silent for 150 ms/],
    ["/loop", false, /more than 5 times/],
    ["/packed", false, /encoding gzip/],
    ["/404", false, /status 404/],
    ["/503", true, /status 503/],
  ];
  await Promise.all(
    cases.map(([path, retryable, message]) =>
      assert.rejects(limited(path).fetchArtifact(base + path, hash), { name: "ContentError", retryable, message }, path),
    ),
  );
});

test("a fetch ends for the caller who gives up, and for nobody else", async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const base = await serve((_, response) => {
    ask();
    void released.then(() => response.end(content));
  });
  const kept = store({ allowPrivateAddresses: true });
  const controller = new AbortController();
  const impatient = kept.fetchArtifact(base, hash, controller.signal);
  const patient = kept.fetchArtifact(base, hash);
  await asked;
  controller.abort();
  await assert.rejects(impatient, { name: "AbortError" });
  release();
  assert.equal((await patient).bytes, content.length);
});

test("N09 a hard link to another file is judged by its bytes", async () => {
  const root = join(scratch, "links");
  await mkdir(root);
  await writeFile(join(scratch, "elsewhere"), "secret");
  await link(join(scratch, "elsewhere"), join(root, "model"));
  await assert.rejects(store({ allowedFileRoots: [root] }).fetchArtifact(pathToFileURL(join(root, "model")).href, hash), {
    message: /another file/,
  });
});
