/** Puts another contract in the place of one that a test deploys, without compiling the test again. */

/** Where the code that deploys another contract is put in the tests' chain. */
export const placeOf = (index: number): string => (0xc0de_0000_0000 + index).toString(16).padStart(40, "0");

/** Returns what lies behind it: deployed with some bytes, it makes a contract of them. */
const storer = "38600c900380600c5f395ff3";
const storerBytes = storer.length / 2;

const hex = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, "0");

/**
 * Asks for the time of day, as tests can, whatever the answer: a test that did so isn't run again when it fails, for a stack trace that nobody
 * wants and that takes gigabytes.
 */
const asking = "63625387dc" + "5f52" + "5f5f6004601c5f73" + "7109709ecfa91a80626ff3989d68f67f5b1dd12d" + "5af150";

/**
 * Creation code of `length` bytes, whose constructor's arguments lie behind it as they lay behind what it replaces. It deploys the code at
 * `place` followed by those arguments, and runs that in its own name: so the code finds its arguments where it looks for them, and the
 * storage, the sender and the address are the new contract's.
 */
export function stubFor(place: string, length: number): string {
  const code = [
    asking,
    // mem[0] = storer
    `6b${storer}`,
    `60${hex(8 * (32 - storerBytes), 1)}1b5f52`,
    // size; extcodecopy(place, storerBytes, 0, size)
    `73${place}3b`,
    `805f60${hex(storerBytes, 1)}73${place}3c`,
    // size, length of the arguments; codecopy(storerBytes + size, length, length of the arguments)
    `62${hex(length, 3)}3803`,
    `8062${hex(length, 3)}8360${hex(storerBytes, 1)}0139`,
    // create(0, 0, storerBytes + size + length of the arguments)
    `0160${hex(storerBytes, 1)}015f5ff0`,
    // delegatecall(gas, created, 0, 0, 0, 0)
    "5f5f5f5f845af4",
    "3d5f5f3e",
  ].join("");
  const target = code.length / 2 + 6;
  const ending = `60${hex(target, 1)}573d5ffd5b3d5ff3`;
  const stub = code + ending;
  if (stub.length > 2 * length) throw new Error(`a stub of ${stub.length / 2} bytes does not fit into ${length} bytes of creation code`);
  return stub.padEnd(2 * length, "0");
}

/** @returns the code with a stub wherever it held the creation code; the same where it doesn't. */
export function withStub(code: string, creationCode: string, place: string): string {
  return code.replaceAll(creationCode, stubFor(place, creationCode.length / 2));
}
