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

/** The parameters of a local network. */
interface Local {
  challengerBond: string;
  burnBps: number;
  gasPerByte: number;
}

function derived(of: (name: string) => number): Record<string, number> {
  const local = json5.parse<{ AssayLocal: Local }>(read("ignition/parameters/localhost.json5")).AssayLocal;
  const moves = constantOf("contracts/DisputeGame.sol", "MAX_MOVES");
  // What a challenger that loses pays the operator, in stake tokens.
  const paid = (Number.parseInt(local.challengerBond) / 1e18) * (1 - local.burnBps / 10_000);
  const operators = ["dispute.detector", "dispute.recogniser", "reduction.16m"];
  const escrow = (name: string) => constantOf("contracts/libraries/Escrow.sol", name);
  const [chunkGas, overheadBytes] = [escrow("CHUNK_GAS"), escrow("CHUNK_OVERHEAD_BYTES")];
  const drawn = (chunkGas + local.gasPerByte * (2 ** 16 + overheadBytes)) / 2;
  const price = (name: string) => (of(name) * gasPrice) / paid;
  return {
    "gas.requestEach": of("gas.requestBatch10") / 10,
    "gas.submitEach": of("gas.submitBatch10") / 10,
    "gas.finalizeEach": of("gas.finalizeBatch10") / 10,
    "game.moves": moves,
    "game.movesOfASide": moves / 2,
    "chunk.gas": chunkGas,
    "chunk.overheadBytes": overheadBytes,
    "chunk.drawn": drawn,
    "chunk.left": of("publication.publish.64k.gas") - drawn,
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
