/** Places where a test may end the process as the kernel would: nothing is flushed, nothing is caught. */
export const crashLabels = [
  "after-blocks-read",
  "after-blocks-stored",
  "after-evaluation-begun",
  "after-evaluation",
  "after-evaluation-stored",
  "before-journal-write",
  "after-journal-write",
  "after-send",
  "after-receipt-stored",
  "before-finalization-journal-write",
  "after-finalization-journal-write",
  "after-finalization-send",
  "after-finalization-receipt-stored",
  "before-move-journal-write",
  "after-move-journal-write",
  "after-move-send",
  "after-self-check",
  "after-self-check-stored",
  "before-retraction-journal-write",
  "after-retraction-journal-write",
  "after-retraction-send",
] as const;

export type CrashLabel = (typeof crashLabels)[number];

export type CrashPoint = (label: CrashLabel) => void;

/** @returns a function that kills this process when it is called with `armed`, and else does nothing. */
export function crashPoint(armed: CrashLabel | undefined): CrashPoint {
  return (label) => {
    if (label === armed) process.kill(process.pid, "SIGKILL");
  };
}
