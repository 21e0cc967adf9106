// Runs ONNX's own operator tests against the canonical evaluation and writes docs/operator-tests.md.
// `node scripts/onnx-tests.ts [DIRECTORY] [--only PREFIX]`; without a directory, where Debian's libonnx-testdata puts them.
import { existsSync, globSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { runCase, type CaseResult } from "./onnx-tests/case.ts";
import { tableOf } from "./onnx-tests/table.ts";

const packaged = "/usr/lib/python3/dist-packages/onnx/backend/test/data";
const given = process.argv.slice(2);
const at = given.indexOf("--only");
const prefix = at >= 0 ? (given.splice(at, 2)[1] ?? "") : "";
const directory = given[0] ?? packaged;
if (!existsSync(directory)) {
  process.stderr.write(
    `${directory} does not exist: install Debian's libonnx-testdata, or name the directory that holds node/, simple/ and so on\n`,
  );
  process.exit(2);
}

const results: CaseResult[] = [];
for (const model of globSync(join(directory, "*", "*", "model.onnx")).sort()) {
  const folder = dirname(model);
  const name = `${basename(dirname(folder))}/${basename(folder)}`;
  if (!name.includes(prefix)) continue;
  const result = runCase(name, folder);
  results.push(result);
  if (result.verdict === "failed" || prefix !== "") process.stderr.write(`${result.verdict} ${name}: ${result.detail}\n`);
}
const count = (verdict: CaseResult["verdict"]) => results.filter((result) => result.verdict === verdict).length;
if (prefix === "") writeFileSync("docs/operator-tests.md", tableOf(results));
process.stdout.write(`${count("passed")} passed, ${count("failed")} failed, ${count("refused")} refused\n`);
process.exit(count("failed") === 0 ? 0 : 1);
