/** What the chain says of one demand for the bytes of an answer, or of its input. */

/** Whose bytes may be demanded, in the order of the contract's `Bundle`. */
export const bundles = ["OUTPUT", "INPUT"] as const;
export type BundleName = (typeof bundles)[number];

/** An event of the publications contract, in chain order. Amounts in wei, times in Unix seconds. */
export type DemandEvent =
  | {
      kind: "Demanded";
      requestId: string;
      operator: string;
      demander: string;
      chunks: number;
      escrow: bigint;
      deadline: number;
    }
  | { kind: "EscrowRaised"; escrow: bigint }
  /** `data`: the chunk's bytes as hex; empty where nobody here reads them. */
  | { kind: "Published"; chunk: number; data: string }
  | { kind: "Unpublished" }
  | { kind: "Collected" };

export const demandEventKinds = ["Demanded", "EscrowRaised", "Published", "Unpublished", "Collected"] as const;

export interface DemandFacts {
  requestId: string;
  operator: string;
  demander: string;
  /** In all, and how many of them have been published. */
  chunks: number;
  published: number;
  escrow: bigint;
  /** From which nothing can be published any more. */
  deadline: number;
  /** Whether the operator was convicted of not publishing. */
  unpublished: boolean;
  /** Whether the escrow has been divided. */
  collected: boolean;
}

/** Folds a demand's events, in chain order, into what they say together. @returns null where it was never made. */
export function foldDemand(events: readonly DemandEvent[]): DemandFacts | null {
  return events.reduce<DemandFacts | null>(applyEvent, null);
}

function applyEvent(facts: DemandFacts | null, event: DemandEvent): DemandFacts | null {
  if (event.kind === "Demanded") {
    const { requestId, operator, demander, chunks, escrow, deadline } = event;
    return { requestId, operator, demander, chunks, escrow, deadline, published: 0, unpublished: false, collected: false };
  }
  if (facts === null) return null;
  switch (event.kind) {
    case "EscrowRaised":
      return { ...facts, escrow: event.escrow };
    case "Published":
      return { ...facts, published: event.chunk + 1 };
    case "Unpublished":
      return { ...facts, unpublished: true };
    case "Collected":
      return { ...facts, collected: true };
  }
}
