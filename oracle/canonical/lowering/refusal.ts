/** Why a node has no canonical meaning: a person reads it beside the node's name and operator. */
export class Refusal extends Error {
  override name = "Refusal";
}
