/** The roots that a model is registered with, and the one that an evaluation ends in (docs/canonical.md, section 6). */
import type { ProgramHead } from "../../core/programHead.ts";
import { absent, keccak256, nodeHash } from "../../core/traceTree.ts";
import { encodeParts } from "./encode.ts";
import type { Program } from "./types.ts";

const domain = { trace: 4, weights: 5, instruction: 6, program: 7 } as const;

/** @param hashes the tree's leaves, already hashed. @returns 32 zero bytes where there are none. */
export function topOfHashes(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return absent;
  let level = hashes;
  while (level.length > 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) next.push(nodeHash(level[i]!, level[i + 1] ?? absent));
    level = next;
  }
  return level[0]!;
}

function spaceRoot(kind: number, leaves: number, top: Uint8Array): Uint8Array {
  const preamble = new Uint8Array(5);
  preamble[0] = kind;
  new DataView(preamble.buffer).setUint32(1, leaves, true);
  return keccak256(preamble, top);
}

/** @param leaves the number of the trace's leaves. @param top the top of the tree over them. */
export function traceRoot(leaves: number, top: Uint8Array): Uint8Array {
  return spaceRoot(domain.trace, leaves, top);
}

/** @param leaves the number of the weights' leaves. @param top the top of the tree over them. */
export function weightRootOf(leaves: number, top: Uint8Array): Uint8Array {
  return spaceRoot(domain.weights, leaves, top);
}

export function instructionHash(record: Uint8Array): Uint8Array {
  return keccak256(Uint8Array.of(domain.instruction), record);
}

/** @throws ProgramError where the program breaks a limit. */
export function programHead(program: Program): ProgramHead {
  const { header, records } = encodeParts(program);
  return { header, instructionsTop: topOfHashes(records.map(instructionHash)) };
}

/** @throws ProgramError where the program breaks a limit. */
export function programRoot(program: Program): Uint8Array {
  const { header, instructionsTop } = programHead(program);
  return keccak256(Uint8Array.of(domain.program), instructionsTop, header);
}
