// Sets the project up if need be, then runs a TypeScript file under the project's Node: `node scripts/run.mjs FILE [ARG ...]`.
// npm's own shell can't do this: it remembers the `node` that it found first, which may be too old.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { childEnv, nodePath, root, setup } from "./setup.mjs";

const [file, ...args] = process.argv.slice(2);
setup();
const child = spawn(nodePath(), [join(root, file), ...args], { stdio: "inherit", env: childEnv() });
// The terminal sends SIGINT to the whole group, so it reaches the child by itself: this process only has to outlive it.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => process.exit(signal === null ? code : 128 + (signal === "SIGKILL" ? 9 : signal === "SIGTERM" ? 15 : 2)));
