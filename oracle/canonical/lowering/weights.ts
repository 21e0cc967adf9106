/** The weight space: constants one after another, equal ones once. */
import { createHash } from "node:crypto";
import { wordsPerLeaf } from "../../core/traceTree.ts";

export class WeightSpace {
  #parts: { offset: number; words: Uint32Array }[] = [];
  #offsets = new Map<string, number>();
  #length = 0;

  /** @returns the offset of the words in the space. What would cross into another leaf without need starts in the next one. */
  add(words: Uint32Array): number {
    const digest = createHash("sha256")
      .update(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))
      .digest("base64");
    const key = `${words.length} ${digest}`;
    const known = this.#offsets.get(key);
    if (known !== undefined) return known;
    const left = -this.#length & (wordsPerLeaf - 1);
    if (words.length > left) this.#length += left;
    const offset = this.#length;
    this.#parts.push({ offset, words });
    this.#offsets.set(key, offset);
    this.#length += words.length;
    return offset;
  }

  get leaves(): number {
    return Math.ceil(this.#length / wordsPerLeaf);
  }

  /** @returns the words of the whole space, whole leaves. */
  finish(): Uint32Array {
    const space = new Uint32Array(this.leaves * wordsPerLeaf);
    for (const { offset, words } of this.#parts) space.set(words, offset);
    return space;
  }
}
