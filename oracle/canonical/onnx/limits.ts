/** What a model file may ask of the machine that reads it. A file past one of these is refused before memory is spent on it. */
export const limits = {
  /** Bytes of the file. */
  fileBytes: 512 * 2 ** 20,
  /** Protobuf messages inside one another; an If inside an If takes three. */
  messageDepth: 64,
  /** Graphs inside one another. */
  graphDepth: 16,
  /** Protobuf messages in the file. */
  messages: 2_000_000,
  /** Numbers and strings that are held one by one, outside raw data. */
  scalars: 8_000_000,
  /** Nodes of all graphs together. */
  nodes: 100_000,
  /** Elements of one tensor, initialiser or not. */
  tensorElements: 2 ** 28,
  /** Dimensions of one tensor. */
  rank: 8,
  /** Bytes of a name. */
  nameBytes: 4096,
} as const;
