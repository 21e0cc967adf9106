// Makes a fresh clone runnable with nothing but Node >= 20 and npm; plain JavaScript, because it runs before anything is installed.
// Idempotent: a stamp of the lock file skips the installation, Hardhat's own cache skips the compilation.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** Hardhat 3 needs 22.13; running `.ts` files and `node:sqlite` without flags or warnings needs 24. */
const requiredNodeMajor = 24;
const bundledNode = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
const bundledVersion = manifest.optionalDependencies[bundledNode];
const stampFile = join(root, "node_modules", ".assay-setup");

/** PATH without what npm puts in front of it: installing replaces node_modules, so nothing in there may take part in it. */
const outerPath = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((entry) => !entry.startsWith(join(root, "node_modules")))
  .join(delimiter);

/** The Node that npm would run under, whichever Node runs this file. */
function outerNodeVersion() {
  const options = { env: { ...process.env, PATH: outerPath }, encoding: "utf8", shell: process.platform === "win32" };
  return (spawnSync("node", ["--version"], options).stdout ?? "").trim().replace(/^v/, "");
}

/** @returns the path of a Node that can run the project: the bundled one where there is one, else this one. */
export function nodePath() {
  const exe = process.platform === "win32" ? "node.exe" : "node";
  const bundled = join(root, "node_modules", bundledNode, "bin", exe);
  return existsSync(bundled) ? bundled : process.execPath;
}

function fail(message) {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}

function install() {
  const version = outerNodeVersion();
  const recentEnough = Number(version.split(".")[0]) >= requiredNodeMajor;
  if (!recentEnough && bundledVersion === undefined) {
    fail(
      `Node ${version} is too old and no newer one is packaged for ${process.platform}-${process.arch}. Install Node ${requiredNodeMajor} or later, then run this again.`,
    );
  }
  // npm itself must run under the newer Node: it skips native packages whose "engines" exclude the Node that runs it. From another folder,
  // npm takes that Node from its cache and not from the node_modules that is about to be replaced.
  const ci = `npm ci --prefix "${root}" --no-audit --no-fund --loglevel=error`;
  const [args, cwd] = recentEnough ? [ci, root] : [`npm exec --yes --package=${bundledNode}@${bundledVersion} -c '${ci}'`, tmpdir()];
  process.stderr.write("setup: installing the locked dependencies (about half a minute, once)\n");
  quietly(
    args,
    [],
    { cwd, shell: true, env: { ...process.env, PATH: outerPath } },
    "npm could not install the dependencies. Check the connection to the npm registry, then run this again.",
  );
}

/** Runs a command and shows what it printed only where it failed. */
function quietly(command, args, options, advice) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    shell: process.platform === "win32",
    ...options,
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ""}${stderr ?? ""}${error === undefined ? "" : `${error.message}\n`}`);
  fail(advice);
}

/** Installs what the lock file says, unless that has been done already, and compiles the contracts. */
export function setup({ compile = true } = {}) {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = `${lock} ${process.platform}-${process.arch}\n`;
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) {
    install();
    mkdirSync(dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, stamp);
  }
  if (compile) {
    const hardhat = join(root, "node_modules", "hardhat", "dist", "src", "cli.js");
    if (!existsSync(join(root, "artifacts"))) process.stderr.write("setup: compiling the contracts (about a minute, once)\n");
    const args = [hardhat, "build", "--quiet", "--no-tests"];
    quietly(nodePath(), args, { env: childEnv(), shell: false }, "the contracts do not compile; the compiler's messages are above.");
  }
}

/** The environment for child processes: the project's Node and tools come first in PATH. */
export function childEnv() {
  const path = [dirname(nodePath()), join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  return { ...process.env, PATH: path, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  setup();
  process.stderr.write("setup: ready\n");
}
