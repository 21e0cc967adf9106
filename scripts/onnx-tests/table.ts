/** The published table of ONNX's operator tests. */
import type { CaseResult, Criterion } from "./case.ts";

const escape = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ").slice(0, 240);

export function tableOf(results: readonly CaseResult[]): string {
  const of = (verdict: CaseResult["verdict"]) => results.filter((result) => result.verdict === verdict);
  const rows = (verdict: CaseResult["verdict"]) => of(verdict).map(({ name, detail }) => `| ${name} | ${escape(detail)} |`);
  const section = (title: string, verdict: CaseResult["verdict"]) => {
    const lines = rows(verdict);
    return [`## ${title} (${lines.length})`, "", ...(lines.length === 0 ? ["None."] : ["| test | |", "| --- | --- |", ...lines]), ""];
  };
  const by = (criterion: Criterion) => of("passed").filter((result) => result.criterion === criterion);
  const apart = (criterion: Criterion) =>
    by(criterion)
      .map(({ name }) => `\`${name.replace(/^.*\//, "")}\``)
      .join(", ");
  return [
    "# ONNX's operator tests",
    "",
    `The ${results.length} cases of the ONNX project (1.12, Debian's \`libonnx-testdata\`), each lowered and evaluated by the reference: **${of("passed").length} passed, ${of("failed").length} failed, ${of("refused").length} refused**. Written by \`npm exec -- node scripts/onnx-tests.ts\`.`,
    "",
    `Of the passed ones, ${by("strict").length} have every integer, boolean and moved element equal and every other element within 1 ulp of the expected one. In ${by("nearer").length} more, where an element differs by more, the expected value is the less exact one: ours is within 1 ulp of what binary64 arithmetic gives for the same formulas, or nearer to it.`,
    "",
    `The other ${by("no less exact").length + by("stepwise").length} are composite operators, which by definition round at each of several steps (docs/lowering.md). Each element is apart from the expected one by no more than steps of 1 ulp each explain (a running error bound, computed beside the binary64 value). In ${by("no less exact").length} of them the expected tensor is no more exact as a whole: its largest error is at least ours. In the remaining ${by("stepwise").length} it is more exact, because it was computed in binary64 or by other formulas, and more than 1 ulp away from what the composite gives: ${apart("stepwise")}.`,
    "",
    "*Refused* cases have no canonical meaning, for the reason beside them. Inputs named as *fixed* were given at lowering, as a registration fixes them, because shapes or the course of the graph depend on them.",
    "",
    ...section("Failed", "failed"),
    ...section("Refused", "refused"),
    ...section("Passed", "passed"),
  ].join("\n");
}
