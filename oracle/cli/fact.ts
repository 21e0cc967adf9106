import { getAddress, isAddress } from "ethers";
import { columns } from "./verb.ts";

/** One thing that a deployment's contracts say. */
export interface Fact {
  contract: string;
  name: string;
  actual: string;
  /** What the parameters, the other contracts or reason ask for; null where anything will do. */
  expected: string | null;
}

/** Parameters of the deployed module, as the parameters file has them; none where only what must always hold is asked for. */
export type ExpectedParameters = Record<string, string | number | bigint | undefined>;

export const differs = ({ actual, expected }: Fact): boolean => expected !== null && actual !== expected;

/** Numbers that JSON can't hold are strings that end in n; addresses in any case are the same. */
export function plainValue(value: string | number | bigint | undefined): string | null {
  if (value === undefined) return null;
  const text = String(value);
  if (/^\d+n$/.test(text)) return text.slice(0, -1);
  return isAddress(text) ? getAddress(text) : text;
}

/** Puts facts below each other and says of each that is wrong what was expected. */
export const factTable = (facts: readonly Fact[]): string =>
  columns(
    ["contract", "name", "value"],
    facts.map((fact) => [fact.contract, fact.name, differs(fact) ? `${fact.actual}  DIFFERS: expected ${fact.expected}` : fact.actual]),
  );
