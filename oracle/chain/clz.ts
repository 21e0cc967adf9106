import type { Rpc } from "./rpc.ts";

/** What asks a chain: a list of providers, or Hardhat's connection. */
export type Caller = Pick<Rpc, "call">;

/** Init code that returns one byte where CLZ (EIP-7939) counts as it should; the step verifier's constructor runs the same. */
const probe = "0x60011e610100035ff3";
/** The same without CLZ: tells a chain that lacks it from a provider that doesn't run init code. */
const control = "0x60015ff3";
const oneByte = "0x00";

/**
 * Whether the chain executes CLZ, without which no step of a dispute can be computed. Nothing is sent.
 * @throws the provider's own error where it runs no init code at all, so that nothing can be said.
 */
export async function executesClz(chain: Caller): Promise<boolean> {
  try {
    return (await chain.call<string>("eth_call", [{ data: probe }, "latest"])) === oneByte;
  } catch (error) {
    await chain.call<string>("eth_call", [{ data: control }, "latest"]).catch(() => {
      throw error;
    });
    return false;
  }
}

export const withoutClz =
  "it doesn't execute CLZ (EIP-7939, hardfork osaka), so no step of a dispute could be computed on it; choose a chain that has activated osaka";
