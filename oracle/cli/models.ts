import { RpcError } from "../chain/rpc.ts";
import type { Model, TensorSpec } from "../chain/contracts.ts";
import { refusalText } from "./refusals.ts";
import type { Chain } from "./chain.ts";
import { CliError } from "./exitCodes.ts";

/** @throws CliError usage where the text is no identity; not-found where no such model is registered. */
export async function requireModel(chain: Chain, id: string): Promise<Model> {
  if (!/^0x[0-9a-fA-F]{64}$/.test(id)) throw new CliError("usage", `${id} is no model identity: 0x and 64 hexadecimal digits are`);
  try {
    return await chain.views.model(id);
  } catch (error) {
    const text = error instanceof RpcError ? refusalText(error.data) : undefined;
    if (text === undefined) throw error;
    throw new CliError("not-found", text, error);
  }
}

export const specText = ({ name, dtype, shape }: TensorSpec): string => `${name}: ${dtype}[${shape.join(", ")}]`;
