/** Bytes by URI, kept by their hash: what is handed out is what was hashed. */
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { join, resolve as resolvePath, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { createKeccak } from "hash-wasm";
import { TensorError } from "../core/tensor.ts";
import { rootOfBundleBytes } from "../core/traceTree.ts";
import type { Resolve } from "./address.ts";
import { ContentError, ContentMismatchError } from "./contentError.ts";
import { download, type DownloadLimits } from "./download.ts";

export interface ContentStoreOptions {
  /** Where content is cached; made where it is missing. */
  directory: string;
  /** Base URL of a gateway, say "http://127.0.0.1:8080"; it is trusted to be reached even at a private address. */
  ipfsGateway?: string;
  /** Whether http(s) URIs may lead to loopback, link-local and private addresses. Default: false. */
  allowPrivateAddresses?: boolean;
  /** Directories under which `file:` URIs may lie. Default: none. */
  allowedFileRoots?: string[];
  /** Largest artifact or bundle, in bytes. */
  maxBytes: number;
  /** Longest silence of a server, in milliseconds. Default: 30,000. */
  idleTimeoutMs?: number;
  /** Longest time for one download, in milliseconds. Default: 600,000. */
  totalTimeoutMs?: number;
  /** How host names become addresses. Default: the system's resolver. */
  resolve?: Resolve;
}

export interface Artifact {
  /** keccak-256 of the file, 0x and 64 lower-case digits. */
  hash: string;
  path: string;
  bytes: number;
}

interface Flight<T> {
  promise: Promise<T>;
  controller: AbortController;
  waiting: number;
}

/** @throws ContentError */
function normalHash(hash: string): string {
  const normal = hash.toLowerCase();
  if (!/^0x[0-9a-f]{64}$/.test(normal))
    throw new ContentError(`${hash} is no hash: 0x and 64 hexadecimal digits are`, { retryable: false });
  return normal;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A fault of this machine's disk, as opposed to one of the content. */
function diskFault(doing: string, error: unknown): ContentError {
  const { code, message } = error as NodeJS.ErrnoException;
  const advice = code === "ENOSPC" ? "; free some space" : code === "EACCES" || code === "EROFS" ? "; make it writable" : "";
  return new ContentError(`${doing}: ${message}${advice}`, { retryable: true, cause: error });
}

export class ContentStore {
  readonly #options: ContentStoreOptions;
  readonly #limits: DownloadLimits;
  readonly #flights = new Map<string, Flight<unknown>>();
  /** What a cached file looked like when it was last hashed: unchanged files aren't hashed again for every request. */
  readonly #verified = new Map<string, string>();
  #temporaries = 0;

  constructor(options: ContentStoreOptions) {
    this.#options = options;
    this.#limits = {
      maxBytes: options.maxBytes,
      idleTimeoutMs: options.idleTimeoutMs ?? 30_000,
      totalTimeoutMs: options.totalTimeoutMs ?? 600_000,
    };
  }

  /**
   * Makes sure that the file with this keccak-256 is in the cache, downloading it where it isn't.
   * Whoever reads `path` must hash what it read: the file could be changed after this returns.
   * @param uri file:, http(s): or ipfs:.
   * @throws ContentError; the signal's reason where it was aborted.
   */
  async fetchArtifact(uri: string, keccak256Hex: string, signal?: AbortSignal): Promise<Artifact> {
    const hash = normalHash(keccak256Hex);
    const path = join(this.#options.directory, "artifacts", hash);
    return this.#shared(`artifact ${hash} ${uri}`, signal, async (shared) => {
      const cached = await this.#cachedArtifact(path, hash);
      if (cached !== undefined) return { hash, path, bytes: cached };
      const bytes = await this.#store(path, this.#read(uri, shared), async (temporary) => {
        const found = await hashFile(temporary);
        if (found !== hash) {
          throw new ContentError(`${uri} has the hash ${found}, not ${hash}: it is another file than the one registered`, {
            retryable: false,
          });
        }
      });
      this.#verified.set(path, await fingerprint(path));
      return { hash, path, bytes };
    });
  }

  /**
   * The bytes of the bundle with this root, from the cache or from `uri`.
   * @throws ContentError; the signal's reason where it was aborted.
   */
  async fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array> {
    const wanted = normalHash(root);
    const path = this.#bundlePath(wanted);
    return this.#shared(`bundle ${wanted} ${uri}`, signal, async (shared) => {
      const cached = await readFile(path).catch(absent);
      if (cached && rootOf(cached) === wanted) return cached;
      const chunks: Uint8Array[] = [];
      for await (const chunk of this.#read(uri, shared)) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const found = rootOf(bytes);
      if (found !== wanted) {
        throw new ContentMismatchError(
          `${uri} ${found ? `has the root ${found}` : "is no tensor bundle"}, not the root ${wanted} that was committed to`,
        );
      }
      await this.#store(path, once(bytes));
      return bytes;
    });
  }

  /** Keeps a bundle in the cache. @returns its root and the file. @throws ContentError where `bytes` are no bundle. */
  async putBundle(bytes: Uint8Array): Promise<{ root: string; path: string }> {
    const root = rootOf(bytes);
    if (root === undefined) throw new ContentError(`${bytes.length} bytes that are no tensor bundle can't be kept`, { retryable: false });
    const path = this.#bundlePath(root);
    const cached = await readFile(path).catch(absent);
    if (!cached || rootOf(cached) !== root) await this.#store(path, once(bytes));
    return { root, path };
  }

  #bundlePath(root: string): string {
    return join(this.#options.directory, "bundles", root);
  }

  /** @returns the cached file's size; undefined where it is missing or damaged (a damaged one is removed). */
  async #cachedArtifact(path: string, hash: string): Promise<number | undefined> {
    const found = await stat(path).catch(absent);
    if (!found) return undefined;
    if (this.#verified.get(path) === (await fingerprint(path))) return found.size;
    const before = await fingerprint(path);
    if ((await hashFile(path)) !== hash) {
      await rm(path, { force: true });
      return undefined;
    }
    this.#verified.set(path, before);
    return found.size;
  }

  /** Writes through a temporary file and a rename, so that `path` is there whole or not at all. @returns the bytes written. */
  async #store(path: string, chunks: AsyncIterable<Uint8Array>, check?: (temporary: string) => Promise<void>): Promise<number> {
    const temporary = `${path}.${process.pid}.${this.#temporaries++}.part`;
    let bytes = 0;
    try {
      await mkdir(join(path, ".."), { recursive: true });
      const file = await open(temporary, "wx", 0o600);
      try {
        for await (const chunk of chunks) {
          await file.writeFile(chunk);
          bytes += chunk.length;
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await check?.(temporary);
      await rename(temporary, path);
      return bytes;
    } catch (error) {
      if (error instanceof ContentError || !(error instanceof Error) || !("syscall" in error)) throw error;
      throw diskFault(`writing the cache in ${this.#options.directory}`, error);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  #read(uri: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
    const { allowPrivateAddresses = false, resolve } = this.#options;
    const options = { ...this.#limits, allowPrivateRedirects: allowPrivateAddresses, signal, resolve };
    switch (scheme) {
      case "file":
        return this.#readFile(uri, signal);
      case "http":
      case "https":
        return download(uri, { ...options, allowPrivate: allowPrivateAddresses });
      case "ipfs":
        return download(this.#gatewayUrl(uri), { ...options, allowPrivate: true });
      case undefined:
      default:
        throw new ContentError(uri === "" ? "no URI was given" : `${uri}: the schemes are file:, http:, https: and ipfs:`, {
          retryable: false,
        });
    }
  }

  #gatewayUrl(uri: string): string {
    const { ipfsGateway } = this.#options;
    if (ipfsGateway === undefined) throw new ContentError(`${uri}: set an IPFS gateway in the configuration`, { retryable: false });
    const path = uri.slice("ipfs://".length);
    if (!/^ipfs:\/\/[A-Za-z0-9]+(?:\/[\w.~%-]+)*$/i.test(uri) || /(?:^|\/|%2e|%2f)\.*(?:\/|$|%2e|%2f)/i.test(path)) {
      throw new ContentError(`${uri} is no ipfs://CID/path`, { retryable: false });
    }
    return `${ipfsGateway.replace(/\/+$/, "")}/ipfs/${path}`;
  }

  async *#readFile(uri: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { allowedFileRoots = [], maxBytes } = this.#options;
    const path = await this.#realFile(uri);
    const roots = await Promise.all(allowedFileRoots.map((root) => realpath(resolvePath(root)).catch(absent)));
    // SAFETY: both sides are real paths, so neither ".." nor a symbolic link leads out of a root.
    if (!roots.some((root) => root !== undefined && path.startsWith(root.endsWith(sep) ? root : root + sep))) {
      throw new ContentError(`${uri} lies outside the directories that file: URIs may use (${allowedFileRoots.join(", ") || "none"})`, {
        retryable: false,
      });
    }
    const { size, isFile } = await stat(path).then((found) => ({ size: found.size, isFile: found.isFile() }));
    if (!isFile) throw new ContentError(`${uri} is not a file`, { retryable: false });
    if (size > maxBytes) throw new ContentError(`${uri} has ${size} bytes; at most ${maxBytes} are allowed`, { retryable: false });
    yield* createReadStream(path, { signal, end: Math.max(size - 1, 0) }) as AsyncIterable<Uint8Array>;
  }

  async #realFile(uri: string): Promise<string> {
    try {
      return await realpath(fileURLToPath(uri));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new ContentError(code === "ENOENT" ? `${uri} does not exist` : `${uri}: ${message}`, { retryable: false, cause: error });
    }
  }

  /** Callers that want the same thing of the same server (a slow one keeps nobody from another) share one fetch; it is aborted once nobody waits for it any more. */
  async #shared<T>(key: string, signal: AbortSignal | undefined, fetch: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    let flight = this.#flights.get(key) as Flight<T> | undefined;
    if (!flight) {
      const controller = new AbortController();
      const promise = fetch(controller.signal).finally(() => {
        if (this.#flights.get(key)?.controller === controller) this.#flights.delete(key);
      });
      // Everybody who waits may leave before it fails.
      promise.catch(() => undefined);
      flight = { promise, controller, waiting: 0 };
      this.#flights.set(key, flight);
    }
    return wait(flight, signal, () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
  }
}

async function wait<T>(flight: Flight<T>, signal: AbortSignal | undefined, abandon: () => void): Promise<T> {
  flight.waiting++;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const leave = () => reject(signal!.reason);
  signal?.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([flight.promise, aborted]);
  } finally {
    signal?.removeEventListener("abort", leave);
    if (--flight.waiting === 0 && signal?.aborted) {
      abandon();
      flight.controller.abort(signal.reason);
    }
  }
}

/** For a file that may be missing. */
function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw diskFault("reading the cache", error);
}

async function fingerprint(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(":");
}

async function hashFile(path: string): Promise<string> {
  const hasher = await createKeccak(256);
  hasher.init();
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>) hasher.update(chunk);
  return `0x${hasher.digest("hex")}`;
}

/** @returns the root of `bytes`; undefined where they are no bundle. */
function rootOf(bytes: Uint8Array): string | undefined {
  try {
    return `0x${Buffer.from(rootOfBundleBytes(bytes)).toString("hex")}`;
  } catch (error) {
    if (error instanceof TensorError) return undefined;
    throw error;
  }
}
