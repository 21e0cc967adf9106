import type { FaultKind } from "./protocol.ts";

/** An inference that was not done; the message says why. */
export class RuntimeError extends Error {
  override name = "RuntimeError";
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
