/** The published table of ONNX's operator tests. */
import type { CaseResult } from "./case.ts";

const escape = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ").slice(0, 240);

export function tableOf(results: readonly CaseResult[]): string {
  const of = (verdict: CaseResult["verdict"]) => results.filter((result) => result.verdict === verdict);
  const rows = (verdict: CaseResult["verdict"]) => of(verdict).map(({ name, detail }) => `| ${name} | ${escape(detail)} |`);
  const section = (title: string, verdict: CaseResult["verdict"]) => {
    const lines = rows(verdict);
    return [`## ${title} (${lines.length})`, "", ...(lines.length === 0 ? ["None."] : ["| test | |", "| --- | --- |", ...lines]), ""];
  };
  const strictly = of("passed").filter(({ detail }) => !detail.includes("apart"));
  const nearer = of("passed").filter(({ detail }) => detail.includes("nearer") && !detail.includes("steps"));
  return [
    "# ONNX's operator tests",
    "",
    `The ${results.length} cases of the ONNX project (1.12, Debian's \`libonnx-testdata\`), each lowered and evaluated by the reference: **${of("passed").length} passed, ${of("failed").length} failed, ${of("refused").length} refused**. Written by \`npm exec -- node scripts/onnx-tests.ts\`.`,
    "",
    `Of the passed ones, ${strictly.length} have every integer, boolean and moved element equal and every other element within 1 ulp of the expected one, and ${nearer.length} differ more where our value is within 1 ulp of, or nearer than the expected one to, the value that binary64 arithmetic gives for the same formulas. The other ${of("passed").length - strictly.length - nearer.length} are composite operators, which round at each of several steps: there the two are no further apart than steps of 1 ulp each explain (a running error bound, computed beside the binary64 value).`,
    "",
    "*Refused* cases have no canonical meaning, for the reason beside them. Inputs named as *fixed* were given at lowering, as a registration fixes them, because shapes or the course of the graph depend on them.",
    "",
    ...section("Failed", "failed"),
    ...section("Refused", "refused"),
    ...section("Passed", "passed"),
  ].join("\n");
}
