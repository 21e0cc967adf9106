/** Big-endian bytes of headers and records, written and read. */
import { ProgramError } from "./check.ts";

export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  #grow(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }

  i32(value: number): void {
    const at = this.#grow(4);
    this.#view.setInt32(at, value);
  }

  i64(value: number): void {
    const at = this.#grow(8);
    this.#view.setBigInt64(at, BigInt(value));
  }

  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
  }

  list<T>(items: readonly T[], write: (item: T) => void): void {
    this.u8(items.length);
    items.forEach(write);
  }

  get length(): number {
    return this.#length;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** Every read throws ProgramError where the bytes have ended. */
export class ByteReader {
  #view: DataView;
  #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(size: number): number {
    const at = this.#offset;
    if (at + size > this.#bytes.length) throw new ProgramError(`the bytes end at ${this.#bytes.length}, inside a number or list`);
    this.#offset += size;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  i64(): number {
    const value = this.#view.getBigInt64(this.#take(8));
    if (BigInt.asIntN(54, value) !== value) throw new ProgramError(`${value} is no offset`);
    return Number(value);
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u8() }, read);
  }

  /** @throws ProgramError where bytes are left. */
  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw new ProgramError(`${left} bytes behind the end`);
  }
}
