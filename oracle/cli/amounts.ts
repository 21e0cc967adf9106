import { formatUnits, parseUnits } from "ethers";
import { CliError } from "./exitCodes.ts";

/** A token's name for people and its decimals; ETH's for the zero address. */
export interface Unit {
  symbol: string;
  decimals: number;
}

export const ether: Unit = { symbol: "ETH", decimals: 18 };

/**
 * Reads an amount: whole units ("0.25"), or the smallest unit ("250000wei").
 * @param option for the message: "--fee".
 * @returns the amount in the token's smallest unit.
 * @throws CliError usage
 */
export function parseAmount(text: string, option: string, { decimals, symbol }: Unit): bigint {
  const smallest = /^(\d+)\s*wei$/.exec(text);
  if (smallest) return BigInt(smallest[1]!);
  if (/^\d+(\.\d+)?$/.test(text)) {
    try {
      return parseUnits(text, decimals);
    } catch {
      throw new CliError("usage", `${option} ${text}: ${symbol} has ${decimals} decimals; write fewer, or the smallest unit as "…wei"`);
    }
  }
  throw new CliError("usage", `${option} ${text} is no amount; write "0.25" for ${symbol}, or the smallest unit as "250000wei"`);
}

export const formatAmount = (amount: bigint, { symbol, decimals }: Unit): string => `${formatUnits(amount, decimals)} ${symbol}`;

/** "2.5" or "2.5%" → 250. @throws CliError usage */
export function parsePercent(text: string, option: string): number {
  const match = /^(\d+(?:\.\d{1,2})?)\s*%?$/.exec(text);
  const basisPoints = match ? Math.round(Number(match[1]) * 100) : NaN;
  if (!(basisPoints <= 10_000)) throw new CliError("usage", `${option} ${text} is no percentage with at most two decimals; write "2.5"`);
  return basisPoints;
}

/** @throws CliError usage */
export function parseSeconds(text: string, option: string): number {
  const match = /^(\d+)\s*(s|m|h|d)?$/.exec(text);
  if (!match) throw new CliError("usage", `${option} ${text} is no duration; write seconds, or "10m", "2h", "7d"`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[(match[2] ?? "s") as "s"];
}

export const timeText = (unixSeconds: number): string => new Date(unixSeconds * 1000).toISOString().replace(".000Z", "Z");
