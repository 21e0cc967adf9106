/** The tree over hashes that are already there: a program's instructions. */
import { absent, nodeHash } from "../../core/traceTree.ts";

export class HashTree {
  readonly #levels: Uint8Array[][];

  constructor(hashes: readonly Uint8Array[]) {
    this.#levels = [[...hashes]];
    for (let level = this.#levels[0]!; level.length > 1;) {
      const next: Uint8Array[] = [];
      for (let i = 0; i < level.length; i += 2) next.push(nodeHash(level[i]!, level[i + 1] ?? absent));
      this.#levels.push(next);
      level = next;
    }
  }

  node(height: number, position: number): Uint8Array {
    return this.#levels[height]?.[position] ?? absent;
  }
}
