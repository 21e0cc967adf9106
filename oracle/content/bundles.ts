import { decodeBundle, type Tensor } from "../core/tensor.ts";
import { rootOfBundleBytes } from "../core/traceTree.ts";
import { ContentError } from "./contentError.ts";

/** Tensors as an event carried them: their bytes, or where they lie. */
export interface CarriedBundle {
  bytes: Uint8Array | null;
  uri: string;
}

/** Reads tensors and makes sure that they are the ones that were committed to. @throws ContentError @throws TensorError where they are no bundle. */
export async function readBundle(
  { bytes, uri }: CarriedBundle,
  root: string,
  store: { fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array> },
  signal?: AbortSignal,
): Promise<Tensor[]> {
  if (uri !== "") return decodeBundle(await store.fetchBundle(uri, root, signal));
  if (bytes === null) throw new ContentError("there are neither bytes nor a URI", { retryable: false });
  const found = `0x${Buffer.from(rootOfBundleBytes(bytes)).toString("hex")}`;
  if (found !== root) throw new ContentError(`the bytes have the root ${found}, not ${root}`, { retryable: false });
  return decodeBundle(bytes);
}
