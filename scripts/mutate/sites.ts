/** Where a contract can be changed, and how. A source is handled as its bytes (one character each), since the compiler counts those. */
import { assemblySites } from "./assembly.ts";
import type { AstNode } from "./compiler.ts";

/** One change: what it makes of the source, and how it is switched on where all changes are compiled at once. */
export interface Mutant {
  kind: string;
  start: number;
  end: number;
  /** What stands there instead. */
  replacement: string;
  /** Text around the range that takes the replacement while the mutant with this number is active. */
  wrap?: (n: number) => { before: string; after: string; start?: number; end?: number }[];
  /** An operation of inline assembly: the block in which its replacement is declared, and its number of operands. */
  operation?: { block: number; name: string; operands: number; results: (operands: string[]) => string };
}

export interface Walk {
  source: string;
  mutants: Mutant[];
}

export const rangeOf = ({ src }: AstNode): [number, number] => {
  const [start, length] = src.split(":").map(Number);
  return [start!, start! + length!];
};

const textOf = (walk: Walk, node: AstNode): string => walk.source.slice(...rangeOf(node));
const typeOf = (node: AstNode): string => (node.typeDescriptions as { typeString?: string } | undefined)?.typeString ?? "";

/** Takes fewer stack slots than a call would. */
const isActive = (n: number): string => `block.coinbase == address(${n})`;

const choose = (walk: Walk, node: AstNode, kind: string, replacement: string): void => {
  const [start, end] = rangeOf(node);
  const wrap = (n: number) => [{ before: `(${isActive(n)} ? (${replacement}) : `, after: ")" }];
  walk.mutants.push({ kind, start, end, replacement, wrap });
};

const boundary: Record<string, string> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };
const negated: Record<string, string> = { "<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==" };
const swapped: Record<string, string> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "<<": ">>",
  ">>": "<<",
  "&": "|",
  "|": "&",
  "^": "&",
};

function binary(walk: Walk, node: AstNode): void {
  const operator = node.operator as string;
  const left = textOf(walk, node.leftExpression as AstNode);
  const right = textOf(walk, node.rightExpression as AstNode);
  const put = (kind: string, by: string) => choose(walk, node, kind, `(${left}) ${by} (${right})`);
  if (operator in boundary) put("boundary", boundary[operator]!);
  if (operator in negated) put("comparison", negated[operator]!);
  if (operator in swapped && !typeOf(node).includes("_const")) put("arithmetic", swapped[operator]!);
  if (operator === "&&" || operator === "||") {
    choose(walk, node, "right operand dropped", left);
    choose(walk, node, "left operand dropped", right);
  }
}

/** A condition that guards a refusal is dropped; any other is also made to hold always. */
function condition(walk: Walk, node: AstNode, body: AstNode, otherwise: unknown): void {
  const statements = body.nodeType === "Block" ? (body.statements as AstNode[]) : [body];
  const isRefusal = otherwise == null && statements.length === 1 && statements[0]!.nodeType === "RevertStatement";
  choose(walk, node, isRefusal ? "check deleted" : "condition false", "false");
  if (!isRefusal) choose(walk, node, "condition true", "true");
}

function deletion(walk: Walk, node: AstNode): void {
  // What points to storage or calldata can't go without its value.
  if (/storage pointer| calldata/.test(typeOf(((node.expression as AstNode | undefined)?.leftHandSide as AstNode | undefined) ?? node)))
    return;
  const [start, end] = rangeOf(node);
  const semicolon = walk.source.indexOf(";", end - 1) + 1;
  const wrap = (n: number) => [{ before: `{ if (!(${isActive(n)})) `, after: " }", start, end: semicolon }];
  walk.mutants.push({ kind: "statement deleted", start, end: semicolon, replacement: ";", wrap });
}

function swappedArguments(walk: Walk, node: AstNode): void {
  const list = node.arguments as AstNode[];
  for (const [i, second] of list.entries()) {
    const first = list[i - 1];
    if (first === undefined || typeOf(first) !== typeOf(second) || textOf(walk, first) === textOf(walk, second)) continue;
    const [start, firstEnd] = rangeOf(first);
    const [secondStart, end] = rangeOf(second);
    const [a, b] = [textOf(walk, first), textOf(walk, second)];
    const replacement = b + walk.source.slice(firstEnd, secondStart) + a;
    const wrap = (n: number) => [
      { before: `(${isActive(n)} ? (${b}) : `, after: ")", start, end: firstEnd },
      { before: `(${isActive(n)} ? (${a}) : `, after: ")", start: secondStart, end },
    ];
    walk.mutants.push({ kind: "arguments swapped", start, end, replacement, wrap });
  }
}

/** @param expected the type that the literal is converted to, where that is known. */
function literal(walk: Walk, node: AstNode, expected: string | undefined): void {
  const text = textOf(walk, node);
  if (node.kind === "number" && /^(?:0x[\da-f_]+|[\d_]+)$/i.test(text) && node.subdenomination == null) {
    const changed = String(BigInt(text.replaceAll("_", "")) + 1n);
    if (expected === undefined) choose(walk, node, "constant changed", changed);
    else {
      const [start, end] = rangeOf(node);
      const open = expected.startsWith("bytes") ? `${expected}(uint${8 * Number(expected.slice(5))}(` : `${expected}((`;
      const wrap = (n: number) => [{ before: `(${isActive(n)} ? ${open}${changed})) : ${open}`, after: ")))" }];
      walk.mutants.push({ kind: "constant changed", start, end, replacement: changed, wrap });
    }
  }
  if (node.kind === "bool") choose(walk, node, "constant changed", text === "true" ? "false" : "true");
}

function constantUse(walk: Walk, node: AstNode, constants: ReadonlySet<number>): void {
  if (constants.has(node.referencedDeclaration as number) && /^u?int\d+$/.test(typeOf(node))) {
    choose(walk, node, "constant changed", `${textOf(walk, node)} + 1`);
  }
}

/** @param constants ids of all constants' declarations. */
function visit(walk: Walk, node: AstNode, constants: ReadonlySet<number>, expected: string | undefined): void {
  switch (node.nodeType) {
    case "BinaryOperation":
      binary(walk, node);
      break;
    case "UnaryOperation":
      if (node.operator === "!" || node.operator === "~")
        choose(walk, node, "negation dropped", textOf(walk, node.subExpression as AstNode));
      break;
    case "IfStatement":
      condition(walk, node.condition as AstNode, node.trueBody as AstNode, node.falseBody);
      break;
    case "FunctionCall":
      if (node.kind === "functionCall" && (node.names as string[]).length === 0) swappedArguments(walk, node);
      break;
    case "Literal":
      literal(walk, node, expected);
      break;
    case "Identifier":
    case "MemberAccess":
      constantUse(walk, node, constants);
      break;
    case "EmitStatement":
    case "ExpressionStatement":
    case "RevertStatement":
      deletion(walk, node);
      break;
  }
}

const skipped = new Set([
  "ErrorDefinition",
  "EventDefinition",
  "StructDefinition",
  "EnumDefinition",
  "ModifierInvocation",
  "UserDefinedValueTypeDefinition",
]);

function children(node: AstNode): AstNode[] {
  return Object.entries(node)
    .filter(([field]) => field !== "typeName" && field !== "documentation")
    .flatMap(([, value]) => (Array.isArray(value) ? (value as unknown[]) : [value]))
    .filter((value): value is AstNode => typeof value === "object" && value !== null && "nodeType" in value);
}

const isWord = (type: string | undefined): boolean => /^(?:u?int|bytes)\d+$/.test(type ?? "");

/** The types that a node's children are converted to: operands to their common one, arguments to their parameters'. */
function expectedTypes(node: AstNode): Map<AstNode, string> {
  const expected = new Map<AstNode, string>();
  const put = (child: AstNode | undefined, type: string | undefined) => child && isWord(type) && expected.set(child, type!);
  if (node.nodeType === "BinaryOperation") {
    const type = (node.commonType as { typeString: string } | undefined)?.typeString;
    const isPower = ["<<", ">>", "**"].includes(node.operator as string);
    put(node.leftExpression as AstNode, type);
    if (!isPower) put(node.rightExpression as AstNode, type);
  }
  if (node.nodeType === "FunctionCall" && node.kind === "functionCall") {
    const types = /^function \(([^()]*)\)/.exec(typeOf(node.expression as AstNode))?.[1]?.split(",") ?? [];
    (node.arguments as AstNode[]).forEach((argument, i) => put(argument, types[i]));
  }
  if (node.nodeType === "Assignment") put(node.rightHandSide as AstNode, typeOf(node.leftHandSide as AstNode));
  return expected;
}

function walkThrough(walk: Walk, node: AstNode, constants: ReadonlySet<number>, expected?: string): void {
  if (skipped.has(node.nodeType) || (node.nodeType === "VariableDeclaration" && (node.constant as boolean))) return;
  if (node.nodeType === "ContractDefinition" && node.contractKind === "interface") return;
  if (node.nodeType === "InlineAssembly") {
    assemblySites(walk, node);
    return;
  }
  if (node.nodeType === "RevertStatement") {
    // What an error says is checked by tests of the messages' readers.
    deletion(walk, node);
    return;
  }
  visit(walk, node, constants, expected);
  if (node.nodeType === "ForStatement") {
    // A loop that doesn't advance only runs out of gas.
    for (const part of [node.initializationExpression, node.condition, node.body])
      if (part != null) walkThrough(walk, part as AstNode, constants);
    return;
  }
  const types = expectedTypes(node);
  for (const child of children(node)) walkThrough(walk, child, constants, types.get(child));
}

function declaredConstants(node: AstNode, found: Set<number>): void {
  if (node.nodeType === "VariableDeclaration" && node.constant === true) found.add(node.id as number);
  for (const child of children(node)) declaredConstants(child, found);
}

export function mutantsOf(source: string, ast: AstNode, asts: readonly AstNode[]): Mutant[] {
  const constants = new Set<number>();
  for (const other of asts) declaredConstants(other, constants);
  const walk: Walk = { source, mutants: [] };
  walkThrough(walk, ast, constants);
  // A guard's body is only reached through its condition: deleting it is what deleting the check is.
  const checks = new Set(walk.mutants.filter(({ kind }) => kind === "check deleted").map(({ start }) => start));
  const isGuarded = ({ kind, start }: Mutant) =>
    kind === "statement deleted" && [...checks].some((check) => check < start && /^[^;{}]*\{?\s*$/.test(bodyBefore(source, check, start)));
  return walk.mutants.filter((mutant) => !isGuarded(mutant)).sort((a, b) => a.start - b.start || b.end - a.end);
}

/** What stands between a condition and a statement, without the condition itself: nothing but a brace where it is the guarded one. */
function bodyBefore(source: string, check: number, start: number): string {
  const between = source.slice(check, start);
  let depth = 1;
  for (let i = 0; i < between.length; i++) {
    depth += between[i] === "(" ? 1 : between[i] === ")" ? -1 : 0;
    if (depth === 0) return between.slice(i + 1);
  }
  return ";";
}
