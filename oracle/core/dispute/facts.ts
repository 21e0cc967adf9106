/** What the chain says of one dispute. */

/** An event of the dispute contract, in chain order. Hashes and addresses as hex, times in Unix seconds. */
export type DisputeEvent =
  | { kind: "ChallengeCommitted"; challenger: string; blockNumber: number }
  | { kind: "Challenged"; requestId: string; challenger: string; operator: string; tensor: number; element: number; deadline: number }
  | { kind: "Defended"; answerId: string; traceRoot: string; deadline: number }
  /** `children`: the hashes of a node's children, or a leaf's words, as hex. */
  | { kind: "Revealed"; answerId: string; height: number; position: number; children: string; deadline: number }
  | { kind: "Picked"; height: number; position: number; revealed: boolean; deadline: number }
  /** `path`: of a segment of the word's reduction (segments.ts). */
  | { kind: "SumsPicked"; word: number; path: number; revealed: boolean; deadline: number }
  /** `states`: six words of 32 bytes for each, as hex. */
  | { kind: "SumsRevealed"; answerId: string; leaf: number; word: number; path: number; states: string; deadline: number }
  | { kind: "Closed"; convicted: boolean; outcome: string };

export const disputeEventKinds = [
  "ChallengeCommitted",
  "Challenged",
  "Defended",
  "Revealed",
  "Picked",
  "SumsPicked",
  "SumsRevealed",
  "Closed",
] as const;

/** COMMITTED: a commitment whose content only its challenger knows. */
export type DisputeTurn = "COMMITTED" | "DEFEND" | "REVEAL" | "PICK" | "SUMS" | "SEGMENT" | "CLOSED";

/** Turns of an open dispute. */
export const openTurns = ["DEFEND", "REVEAL", "PICK", "SUMS", "SEGMENT"] as const satisfies readonly DisputeTurn[];

export interface DisputeFacts {
  turn: DisputeTurn;
  challenger: string;
  /** The block of the commitment; null where it was never seen. */
  committedIn: number | null;
  /** Empty until the challenge was opened. */
  requestId: string;
  operator: string;
  tensor: number;
  element: number;
  /** Levels between the disputed node and the leaves; null: it is the top. */
  height: number | null;
  position: number;
  /** Which word of the disputed leaf, and which segment of its reduction (segments.ts); null: none is picked. */
  word: number | null;
  path: number | null;
  /** From which the side to move has lost. */
  deadline: number;
  traceRoot: string | null;
  convicted: boolean | null;
  outcome: string | null;
  /** Moves that were made, the commitment included. */
  moves: number;
}

const opened: DisputeFacts = {
  turn: "COMMITTED",
  challenger: "",
  committedIn: null,
  requestId: "",
  operator: "",
  tensor: 0,
  element: 0,
  height: null,
  position: 0,
  word: null,
  path: null,
  deadline: 0,
  traceRoot: null,
  convicted: null,
  outcome: null,
  moves: 0,
};

/** Folds a dispute's events, in chain order, into what they say together. @returns null where no event is left. */
export function foldDispute(events: readonly DisputeEvent[]): DisputeFacts | null {
  return events.length === 0 ? null : events.reduce(applyEvent, opened);
}

function applyEvent(before: DisputeFacts, event: DisputeEvent): DisputeFacts {
  const facts = { ...before, moves: before.moves + 1 };
  switch (event.kind) {
    case "ChallengeCommitted":
      return { ...facts, challenger: event.challenger, committedIn: event.blockNumber };
    case "Challenged": {
      const { requestId, challenger, operator, tensor, element, deadline } = event;
      return { ...facts, turn: "DEFEND", requestId, challenger, operator, tensor, element, deadline };
    }
    case "Defended":
      return { ...facts, turn: "PICK", traceRoot: event.traceRoot, deadline: event.deadline };
    case "Revealed":
      // What a defence shows of the top is part of it.
      return { ...(before.turn === "REVEAL" ? facts : before), turn: "PICK", deadline: event.deadline };
    case "Picked": {
      const { height, position, deadline } = event;
      return { ...facts, turn: event.revealed ? "PICK" : "REVEAL", height, position, deadline };
    }
    case "SumsPicked": {
      const { word, path, deadline } = event;
      return { ...facts, turn: event.revealed ? "SEGMENT" : "SUMS", word, path, deadline };
    }
    case "SumsRevealed":
      return { ...facts, turn: "SEGMENT", deadline: event.deadline };
    case "Closed":
      return { ...facts, turn: "CLOSED", convicted: event.convicted, outcome: event.outcome };
  }
}
