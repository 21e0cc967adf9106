/**
 * Where the pages state gas, or how many moves a dispute takes: `npm run gas -- --update` writes these sentences, and a test holds each
 * page against them.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readFigures, root, type Figures } from "./figures.ts";

/**
 * By page. `{name}` is a figure (figures.ts) as a whole number, `{name M}` in millions with two decimals, `{name M1}` with one, `{name k}`
 * rounded to thousands, and `{name .3}` with so many decimals.
 */
export const sentences: Readonly<Record<string, readonly string[]>> = {
  "README.md": [
    "| request | {gas.request} |",
    "| submit | {gas.submit} |",
    "| finalize, with a callback that emits the answer | {gas.finalize} |",
    "| together | {gas.single} |",
    "| together, for each of ten that are asked, answered and finalized at once | {gas.batch10} |",
    "costs {dispute.detector.gas} gas in {dispute.detector.moves} moves for the face detector, and {dispute.recogniser.gas} in {dispute.recogniser.moves} moves for the text recogniser",
  ],
  "docs/protocol.md": [
    "| request | {gas.request} | {gas.requestEach} |",
    "| submit | {gas.submit} | {gas.submitEach} |",
    "| finalize with callback | {gas.finalize} | {gas.finalizeEach} |",
    "| **all** | **{gas.single}** | **{gas.batch10}** |",
  ],
  "docs/dispute.md": [
    "three picks, each with its reveal, and the step: {dispute.detector.moves} moves",
    "costs the two sides together {dispute.detector.gas M} million gas in {dispute.detector.moves} moves on the face detector (96 pairs), and {dispute.recogniser.gas M} million in {dispute.recogniser.moves} moves on the recogniser",
    "About a contraction of 2^18 pairs, wrong as deep as it goes, it costs {reduction.256k.gas M} million ({reduction.256k.operator.gas M} of it the operator's) in {reduction.256k.moves} moves, of 2^20 pairs {reduction.1m.gas M} million ({reduction.1m.operator.gas M}) in {reduction.1m.moves}, and of 2^24 pairs {reduction.16m.gas M} million ({reduction.16m.operator.gas M}) in {reduction.16m.moves}.",
    "`defendTime + 2·clock + {game.moves}·moveTime` (the clocks, and one extension for each of the at most {game.moves} moves after the challenge",
    "{chunk.gas} gas a chunk and `gasPerByte` a byte ({chunk.overheadBytes} more of them a chunk",
    "with 64 a byte the operator draws {chunk.drawn M} million gas for 64 KiB",
    "A publication of 64 KiB costs {publication.publish.64k.gas M} million gas, one of 1 MiB, in {publication.publish.1m.transactions} transactions, {publication.publish.1m.gas M1} million, and {publication.publish.64k.coming M} and {publication.publish.1m.coming M1} million where a byte of calldata costs 64 gas; a demand costs {publication.demand.gas k}",
    "costs its operator some {sybils.one.gas k} gas against one challenger, and against twenty at once {sybils.together.gas M1} million where all walk one path, {sybils.apart.gas M1} million where every path is another: {sybils.together.ratio} and {sybils.apart.ratio} times as much",
    "10 gwei a gas that holds from {sybils.one.pays .3} ETH a token on",
  ],
  "docs/operating.md": [
    "Publishing 64 KiB costs {publication.publish.64k.gas M} million gas, 1 MiB in {publication.publish.1m.transactions} transactions {publication.publish.1m.gas M1} million",
    "the demander's escrow pays {chunk.drawn M} million gas for each 64 KiB",
  ],
  "docs/threat-model.md": [
    "A dispute has at most {game.moves} moves after the challenge",
    "`defendTime + 2·clock + {game.moves}·moveTime`",
    "| face detector, {dispute.detector.moves} moves | {dispute.detector.operator.gas} | {dispute.detector.challenger.gas} | {dispute.detector.gas} | {dispute.detector.pays .3} ETH |",
    "| recogniser, {dispute.recogniser.moves} moves, sums shown | {dispute.recogniser.operator.gas} | {dispute.recogniser.challenger.gas} | {dispute.recogniser.gas} | {dispute.recogniser.pays .3} ETH |",
    "| contraction of 2^24 pairs, {reduction.16m.moves} moves, sums shown three times | {reduction.16m.operator.gas} | {reduction.16m.challenger.gas} | {reduction.16m.gas} | {reduction.16m.pays .3} ETH |",
    "| small transformer, bogus, one challenger | {sybils.one.gas k} | | | {sybils.one.pays .3} ETH |",
    "from B/4 · t = {conviction.pays .4} ETH on at 10 gwei",
    "for each of its at most {game.movesOfASide} moves, `moveTime`",
    "the operator the rest ({chunk.left M} million gas of {publication.publish.64k.gas M} for 64 KiB)",
  ],
  "docs/step.md": [
    "Every byte of calldata that is not zero costs at least 40 gas (EIP-7623)",
    "the two operands alone are 8,192 bytes, or {step.operands1024 k} gas",
  ],
};

const placeholder = /\{([\w.]+)(?: (M1?|k|\.\d))?\}/g;
const grouped = (value: number) => Math.round(value).toLocaleString("en-US");

function format(value: number, how: string | undefined): string {
  if (how === undefined) return grouped(value);
  if (how === "k") return grouped(1000 * Math.round(value / 1000));
  if (how.startsWith("M")) return (value / 1e6).toFixed(how === "M" ? 2 : 1);
  return value.toFixed(Number(how.slice(1)));
}

/** @returns a sentence with its figures. @throws where a figure is unknown. */
export function render(sentence: string, figures: Figures): string {
  return sentence.replace(placeholder, (_, name: string, how: string | undefined) => {
    const value = figures.get(name);
    if (value === undefined) throw new Error(`no figure is called ${name}`);
    return format(value, how);
  });
}

/** Matches a sentence whatever its figures are. */
function patternOf(sentence: string): RegExp {
  const parts = sentence.split(/\{[^}]*\}/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(parts.join("\\d[\\d,]*(?:\\.\\d+)?"), "g");
}

/** Gas or moves with a number; and, on pages that state gas, millions. */
const stated = /\d[\d,.]*(?: million)?(?: [a-z-]+){0,2} (?:gas|moves)\b/g;
const millions = /\d[\d,.]* million\b/g;

/** @returns one line for each sentence that a page doesn't state as the figures have it, and for each figure that no sentence covers. */
export function faultsIn(page: string, text: string, figures: Figures): string[] {
  const expected = (sentences[page] ?? []).map((sentence) => render(sentence, figures));
  const missing = expected.filter((sentence) => !text.includes(sentence)).map((sentence) => `${page} does not say "${sentence}"`);
  const rest = expected.reduce((left, sentence) => left.replaceAll(sentence, ""), text);
  const loose = [...rest.matchAll(stated), ...(expected.length > 0 ? rest.matchAll(millions) : [])].map(
    ([found]) => `${page} says "${found}", which scripts/gas/pages.ts doesn't know`,
  );
  return [...missing, ...loose];
}

const pages = () => ["README.md", ...globSync("docs/*.md", { cwd: root }).sort()];

/** @returns what is wrong in all pages; empty where they are right. */
export function pageFaults(): string[] {
  const figures = readFigures();
  return pages().flatMap((page) => faultsIn(page, readFileSync(join(root, page), "utf8"), figures));
}

/** Writes the figures of the snapshots into the pages. */
export function writePages(): void {
  const figures = readFigures();
  for (const [page, own] of Object.entries(sentences)) {
    const path = join(root, page);
    const text = own.reduce((left, one) => left.replace(patternOf(one), () => render(one, figures)), readFileSync(path, "utf8"));
    writeFileSync(path, text);
  }
}
