/** Every figure that a page may state: what the snapshots hold, by names as "gas.request", and what follows from them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import json5 from "json5";

export const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

export type Figures = ReadonlyMap<string, number>;

/** What the pages assume where they state prices: 10 gwei a gas, in ETH. */
const gasPrice = 10e-9;

/** @returns the value of a constant that is written as a sum of products, in a contract. */
function constantOf(path: string, name: string): number {
  const found = new RegExp(`constant ${name} = ([\\d_ +*]+);`).exec(read(path));
  if (found === null) throw new Error(`${path} has no constant ${name}`);
  const product = (terms: string) => terms.split("*").reduce((value, factor) => value * Number(factor.replaceAll("_", "")), 1);
  return found[1]!.split("+").reduce((sum, terms) => sum + product(terms), 0);
}

/** @returns what a challenger that loses pays the operator on a local network, in stake tokens. */
function challengerBondPaid(): number {
  const { AssayLocal } = json5.parse<{ AssayLocal: { challengerBond: string; burnBps: number } }>(
    read("ignition/parameters/localhost.json5"),
  );
  return (Number.parseInt(AssayLocal.challengerBond) / 1e18) * (1 - AssayLocal.burnBps / 10_000);
}

function derived(of: (name: string) => number): Record<string, number> {
  const [moves, paid] = [constantOf("contracts/DisputeGame.sol", "MAX_MOVES"), challengerBondPaid()];
  const operators = ["dispute.detector", "dispute.recogniser", "reduction.16m"];
  const price = (name: string) => (of(name) * gasPrice) / paid;
  return {
    "gas.requestEach": of("gas.requestBatch10") / 10,
    "gas.submitEach": of("gas.submitBatch10") / 10,
    "gas.finalizeEach": of("gas.finalizeBatch10") / 10,
    "game.moves": moves,
    "game.movesOfASide": moves / 2,
    "chunk.gas": constantOf("contracts/libraries/Escrow.sol", "CHUNK_GAS"),
    ...Object.fromEntries(operators.map((name) => [`${name}.pays`, price(`${name}.operator.gas`)])),
    "sybils.one.pays": price("sybils.one.gas"),
    "conviction.pays": Math.max(of("dispute.detector.challenger.gas"), of("dispute.recogniser.challenger.gas")) * gasPrice,
    "sybils.together.ratio": of("sybils.together.gas") / of("sybils.one.gas"),
    "sybils.apart.ratio": of("sybils.apart.gas") / of("sybils.one.gas"),
    "step.operands1024": 8 * 1024 * 40,
  };
}

export function readFigures(): Figures {
  const figures = new Map<string, number>();
  for (const file of readdirSync(join(root, "snapshots"))) {
    const snapshot = JSON.parse(read(`snapshots/${file}`)) as Record<string, number>;
    for (const [name, value] of Object.entries(snapshot)) figures.set(`${file.replace(".json", "")}.${name}`, value);
  }
  const of = (name: string) => {
    const value = figures.get(name);
    if (value === undefined) throw new Error(`no snapshot has ${name}: run \`npm run gas -- --update\``);
    return value;
  };
  for (const [name, value] of Object.entries(derived(of))) figures.set(name, value);
  return figures;
}
