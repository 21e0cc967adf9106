import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { ContentStore } from "../content/contentStore.ts";
import { localChainId } from "./deploymentFile.ts";

export interface ContentOptions {
  ipfsGateway?: string;
  uri?: string;
}

/** Options of verbs that fetch bytes by URI. */
export function contentOptions(command: Command): Command {
  return command.option("--ipfs-gateway <url>", "where ipfs: URIs are fetched, say http://127.0.0.1:8080");
}

const maxBytes = 2 ** 31;

/** The directory of a file: URI; whoever runs a verb may read the files that they name. */
function ownDirectory(uri: string): string[] {
  try {
    return [fileURLToPath(new URL(".", uri))];
  } catch {
    // No path: the store says what is wrong with it.
    return [];
  }
}

/**
 * Fetches what lies behind a URI that the person who runs a verb wrote, past every cache: others will look there.
 * It may lead anywhere, to this machine too.
 */
export async function checkOwnUri(
  { ipfsGateway, uri }: ContentOptions & { uri: string },
  fetch: (store: ContentStore, uri: string) => Promise<unknown>,
): Promise<void> {
  const temporary = await mkdtemp(join(tmpdir(), "assay-uri-"));
  try {
    const store = new ContentStore({
      directory: temporary,
      allowPrivateAddresses: true,
      allowedFileRoots: uri.startsWith("file:") ? ownDirectory(uri) : [],
      maxBytes,
      ...(ipfsGateway === undefined ? {} : { ipfsGateway }),
    });
    await fetch(store, uri);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Fetched bytes are kept here, by their hash. */
const directory = ".assay/content";

/** For URIs that an operator wrote: only on a local network may they lead to this machine. */
export function answerContent({ ipfsGateway }: ContentOptions, chainId: number): ContentStore {
  return new ContentStore({
    directory,
    allowPrivateAddresses: chainId === localChainId,
    maxBytes,
    ...(ipfsGateway === undefined ? {} : { ipfsGateway }),
  });
}
