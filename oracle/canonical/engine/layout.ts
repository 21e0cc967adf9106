/** The evaluator's one memory, laid out before it exists: what is put where, and what it holds from the start. */
import { reservedBytes } from "./kernels.ts";

const pageBytes = 65536;
const limitBytes = 65536 * pageBytes;

export class MemoryLimitError extends Error {
  override name = "MemoryLimitError";
}

export class Layout {
  #end = reservedBytes;
  #parts: { address: number; bytes: Uint8Array }[] = [];

  /** @returns the address of `bytes` bytes of zeros, 64-byte aligned. @throws MemoryLimitError beyond 4 GiB. */
  reserve(bytes: number): number {
    const address = this.#end;
    this.#end += Math.ceil(bytes / 64) * 64;
    if (this.#end > limitBytes - pageBytes) {
      throw new MemoryLimitError(`the evaluation takes ${this.#end} bytes at least; the limit is ${limitBytes - pageBytes}`);
    }
    return address;
  }

  /** @returns the address at which the memory will hold `bytes`. */
  place(bytes: Uint8Array): number {
    const address = this.reserve(bytes.length);
    this.#parts.push({ address, bytes });
    return address;
  }

  /** @returns the memory with everything placed. Kernels may read up to 16 bytes beyond an area, so a page is added. */
  create(): WebAssembly.Memory {
    const pages = Math.ceil(this.#end / pageBytes) + 1;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const bytes = new Uint8Array(memory.buffer);
    for (const part of this.#parts) bytes.set(part.bytes, part.address);
    return memory;
  }
}
