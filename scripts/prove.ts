// Has the compiler's SMT checker (z3, built into the npm package `solc`) prove what test/proofs/ asserts about the contracts' libraries,
// for all values; writes docs/proofs.md. Run as `npm run prove`; fails where anything isn't proven.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Message {
  message: string;
  formattedMessage: string;
  severity: "error" | "warning" | "info";
  sourceLocation?: { file: string; start: number; end: number };
}

interface Compiler {
  version(): string;
  compile(input: string, callbacks: { import(path: string): { contents: string } }): string;
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = createRequire(import.meta.url)("solc") as Compiler;
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** @returns how many claims of one contract hold; and a line for each that isn't proven. */
function prove(file: string, contract: string): { proven: number; open: string[] } {
  const modelChecker = {
    // Bounded model checking is complete here: what is proven has no loop and keeps no state.
    engine: "bmc",
    solvers: ["z3"],
    targets: ["assert", "overflow", "underflow", "divByZero"],
    contracts: { [file]: [contract] },
    showProvedSafe: true,
    showUnproved: true,
  };
  const input = {
    language: "Solidity",
    sources: { [file]: { content: read(file) } },
    settings: { evmVersion: "osaka", modelChecker, outputSelection: { "*": { "": ["ast"] } } },
  };
  const output = JSON.parse(compiler.compile(JSON.stringify(input), { import: (path) => ({ contents: read(path) }) })) as {
    errors?: Message[];
  };
  const messages = output.errors ?? [];
  const broken = messages.find(({ severity }) => severity === "error");
  if (broken !== undefined) throw new Error(`${file} doesn't compile:\n${broken.formattedMessage}`);
  const claims = messages.filter(({ message }) => message.startsWith("BMC: "));
  const isProven = ({ message }: Message) => message.includes("check is safe");
  const open = claims.filter((claim) => !isProven(claim)).map(({ formattedMessage }) => formattedMessage);
  return { proven: claims.length - open.length, open };
}

/** "ALockedBondStaysActive" as a person would write it. */
const sentence = (name: string) => name[0] + name.slice(1).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const rows: string[] = [];
let failed = 0;
for (const file of globSync("test/proofs/*.sol", { cwd: root }).sort()) {
  const library = /contracts\/libraries\/(\w+\.sol)/.exec(read(file))![1]!;
  for (const [, contract] of read(file).matchAll(/^contract (\w+)/gm)) {
    const { proven, open } = prove(file, contract!);
    for (const line of open) process.stderr.write(line);
    failed += open.length;
    if (proven === 0) throw new Error(`the checker found nothing to prove in ${contract}: is its solver there?`);
    rows.push(`| ${sentence(contract!)} | \`${library}\` | ${proven} | ${open.length} |`);
    process.stdout.write(`${open.length === 0 ? "proven" : "OPEN  "} ${contract}: ${proven} claims, ${open.length} open\n`);
  }
}
writeFileSync(
  join(root, "docs/proofs.md"),
  `# What is proven

For all values, not for examples: the compiler's SMT checker (${compiler.version().replace(/\+.*/, "")}, with z3) proves the assertions of \`test/proofs/\` about the libraries that the contracts compute money and time with, and that no sum in them overflows or underflows. Written by \`npm run prove\`.

| | library | claims proven | open |
| --- | --- | --- | --- |
${rows.join("\n")}

From the first two of \`Clocks.sol\` follows the bound of a dispute by induction: opening plus \`defendTime\` and two clocks bounds deadline and waiting clock together, and every move adds \`moveTime\` at most. From \`Shares.sol\` follows that \`Claims\` can pay out everything that it books: n claims of one share and the requester's rest are the pool, which is what an answer's operator lost less half of its bond at least. From \`OperatorAccountLib.sol\` follows that what is locked is never more than the stake, whatever order of moves the coordinator makes; that it asks for no more than what the claims require is checked by the walks of \`test/contracts/system/\` and by the checks before each call.

Not proven: the contracts as a whole (the checker doesn't follow calls between contracts, assembly and errors with arguments), \`SettingsLib\` (a loop over decimal exponents, and masks), and the arithmetic of the step verifier.
`,
);
process.exit(failed === 0 ? 0 : 1);
