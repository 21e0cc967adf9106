/** Where inline assembly can be changed. */
import type { AstNode } from "./compiler.ts";
import { rangeOf, type Walk } from "./sites.ts";

type Replacement = [kind: string, text: (operands: string[]) => string];

const call =
  (name: string) =>
  (operands: string[]): string =>
    `${name}(${operands.join(", ")})`;

const operations: Record<string, Replacement[]> = {
  add: [["arithmetic", call("sub")]],
  sub: [["arithmetic", call("add")]],
  mul: [["arithmetic", call("add")]],
  div: [["arithmetic", call("mul")]],
  mod: [["arithmetic", call("div")]],
  shl: [["arithmetic", call("shr")]],
  shr: [["arithmetic", call("shl")]],
  sar: [["arithmetic", call("shr")]],
  and: [["arithmetic", call("or")]],
  or: [["arithmetic", call("and")]],
  xor: [["arithmetic", call("or")]],
  not: [["arithmetic", ([a]) => a!]],
  lt: [
    ["boundary", ([a, b]) => `iszero(gt(${a}, ${b}))`],
    ["comparison", ([a, b]) => `iszero(lt(${a}, ${b}))`],
  ],
  gt: [
    ["boundary", ([a, b]) => `iszero(lt(${a}, ${b}))`],
    ["comparison", ([a, b]) => `iszero(gt(${a}, ${b}))`],
  ],
  slt: [
    ["boundary", ([a, b]) => `iszero(sgt(${a}, ${b}))`],
    ["comparison", ([a, b]) => `iszero(slt(${a}, ${b}))`],
  ],
  sgt: [
    ["boundary", ([a, b]) => `iszero(slt(${a}, ${b}))`],
    ["comparison", ([a, b]) => `iszero(sgt(${a}, ${b}))`],
  ],
  eq: [["comparison", ([a, b]) => `iszero(eq(${a}, ${b}))`]],
  iszero: [["negation dropped", ([a]) => `iszero(iszero(${a}))`]],
};

const chosen = (n: number): string => `eq(coinbase(), ${n})`;

function visit(walk: Walk, node: AstNode, block: number): void {
  const [start, end] = rangeOf(node);
  const text = walk.source.slice(start, end);
  switch (node.nodeType) {
    case "YulFunctionCall": {
      const name = (node.functionName as AstNode).name as string;
      const list = node.arguments as AstNode[];
      const operands = list.map((operand) => walk.source.slice(...rangeOf(operand)));
      const [nameStart, nameEnd] = rangeOf(node.functionName as AstNode);
      for (const [kind, results] of operations[name] ?? []) {
        const operation = { block, name, operands: list.length, results };
        walk.mutants.push({ kind, start: nameStart, end: nameEnd, replacement: results(operands), operation });
      }
      break;
    }
    case "YulLiteral":
      if (node.kind === "number") {
        const wrap = (n: number) => [{ before: "add(", after: `, ${chosen(n)})` }];
        walk.mutants.push({ kind: "constant changed", start, end, replacement: String(BigInt(text) + 1n), wrap });
      }
      break;
    case "YulExpressionStatement":
    case "YulAssignment": {
      const wrap = (n: number) => [{ before: `if iszero(${chosen(n)}) { `, after: " }" }];
      walk.mutants.push({ kind: "statement deleted", start, end, replacement: "", wrap });
      break;
    }
    case "YulIf": {
      const [from, to] = rangeOf(node.condition as AstNode);
      const dropped = (n: number) => [{ before: `mul(iszero(${chosen(n)}), `, after: ")" }];
      walk.mutants.push({ kind: "condition false", start: from, end: to, replacement: "0", wrap: dropped });
      const always = (n: number) => [{ before: `or(${chosen(n)}, `, after: ")" }];
      walk.mutants.push({ kind: "condition true", start: from, end: to, replacement: "1", wrap: always });
      break;
    }
  }
}

function walkThrough(walk: Walk, node: AstNode, block: number): void {
  visit(walk, node, block);
  if (node.nodeType === "YulFunctionCall") {
    for (const operand of node.arguments as AstNode[]) walkThrough(walk, operand, block);
    return;
  }
  // The labels of a switch stay; a loop that doesn't advance only runs out of gas.
  const without = { YulCase: ["value"], YulForLoop: ["post"] }[node.nodeType] ?? [];
  for (const [field, value] of Object.entries(node)) {
    if (without.includes(field)) continue;
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof child === "object" && child !== null && "nodeType" in child) walkThrough(walk, child as AstNode, block);
    }
  }
}

export function assemblySites(walk: Walk, node: AstNode): void {
  const body = node.AST as AstNode;
  walkThrough(walk, body, rangeOf(body)[0] + 1);
}
