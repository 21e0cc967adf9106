/** What a program's root is the hash of (docs/canonical.md, section 6): an adjudicable model is registered with it. */
export interface ProgramHead {
  /** Top of the tree over its instructions. */
  instructionsTop: Uint8Array;
  header: Uint8Array;
}
