import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { rootOfBundleBytes } from "../core/traceTree.ts";

interface BundleSource {
  fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array>;
}

/**
 * @param directory where this operator puts the bytes of its answers, each under its root; undefined: nowhere.
 * @returns what looks there first: what serves the directory may be down, or not be reached from here, when a bond depends on an answer's bytes.
 */
export function withOwnOutputs<T extends BundleSource>(content: T, directory: string | undefined): BundleSource {
  if (directory === undefined) return content;
  return {
    async fetchBundle(uri, root, signal) {
      try {
        const bytes = await readFile(join(directory, root));
        if (`0x${Buffer.from(rootOfBundleBytes(bytes)).toString("hex")}` === root) return bytes;
      } catch {
        // It isn't there, or is damaged.
      }
      return content.fetchBundle(uri, root, signal);
    },
  };
}
