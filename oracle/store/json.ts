/** JSON with whole numbers of any size, written as {"$": "decimal"}. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? { $: item.toString() } : item));
}

/** The inverse of `toJson`; the caller names the type that it wrote. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text, (_, item: unknown) =>
    typeof item === "object" && item !== null && "$" in item && typeof item.$ === "string" ? BigInt(item.$) : item,
  ) as T;
}
