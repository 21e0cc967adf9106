// Runs every linter and says which ones failed; `--fix` lets the formatter write.
import { spawnSync } from "node:child_process";

const fix = process.argv.includes("--fix");
const linters: [name: string, command: string, args: string[]][] = [
  ["types", "tsc", ["--noEmit", "-p", "."]],
  ["eslint", "eslint", ["."]],
  ["solhint", "solhint", ["--quiet", "--noPoster", "--disc", "contracts/**/*.sol"]],
  ["format", "prettier", [fix ? "--write" : "--check", "--log-level", "warn", "."]],
];

const failed = linters.filter(([name, command, args]) => {
  const { status } = spawnSync(command, args, { stdio: "inherit", shell: process.platform === "win32" });
  process.stdout.write(`${status === 0 ? "ok    " : "FAILED"} ${name}\n`);
  return status !== 0;
});
process.exit(failed.length === 0 ? 0 : 1);
