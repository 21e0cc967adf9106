/** Offsets into a worker's scratch for one task; the largest task decides how much each worker gets. */
export class Scratch {
  #end = 0;

  /** @returns the offset of `bytes` bytes, 64-byte aligned, with 64 bytes to spare for whole vectors. */
  take(bytes: number): number {
    const offset = this.#end;
    this.#end += Math.ceil((bytes + 64) / 64) * 64;
    return offset;
  }

  get bytes(): number {
    return this.#end;
  }
}
