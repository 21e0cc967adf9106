import assert from "node:assert/strict";
import { test } from "node:test";
import { readFigures } from "../../../scripts/gas/figures.ts";
import { faultsIn, pageFaults, render, sentences } from "../../../scripts/gas/pages.ts";

test("the gas in README.md and docs/ is that of the snapshots", () => {
  assert.deepEqual(pageFaults(), []);
});

test("a wrong digit in any figure of any page is told", () => {
  const figures = readFigures();
  for (const [page, own] of Object.entries(sentences)) {
    const right = own.map((sentence) => render(sentence, figures));
    assert.deepEqual(faultsIn(page, right.join("\n"), figures), []);
    for (const [i, sentence] of right.entries()) {
      for (const { index } of sentence.matchAll(/\d(?=[\d,.]* |[\d,.]*\*)/g)) {
        const wrong = `${sentence.slice(0, index)}${(Number(sentence[index]) + 1) % 10}${sentence.slice(index + 1)}`;
        assert.notDeepEqual(faultsIn(page, right.with(i, wrong).join("\n"), figures), [], wrong);
      }
    }
  }
});

test("a figure that no sentence of the table states is told", () => {
  const figures = readFigures();
  for (const text of ["it costs 1,234 gas", "it takes 11 of 12 moves", "some 2 million gas more"]) {
    assert.equal(faultsIn("docs/new.md", text, figures).length, 1, text);
  }
  const page = sentences["docs/step.md"]!.map((sentence) => render(sentence, figures)).join("\n");
  assert.equal(faultsIn("docs/step.md", `${page} Both cost 1.5 million.`, figures).length, 1);
  assert.deepEqual(faultsIn("docs/new.md", "64 words of 32 bits, and what gas is", figures), []);
});
