/** HTTP(S) downloads that a stranger's URI can't turn against this machine: checked addresses, bounded size, bounded time. */
import { once } from "node:events";
import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { checkedAddress, type Resolve } from "./address.ts";
import { ContentError } from "./contentError.ts";

export interface DownloadLimits {
  maxBytes: number;
  /** Longest silence on the connection, in milliseconds. */
  idleTimeoutMs: number;
  /** Longest time for the whole download, redirects included, in milliseconds. */
  totalTimeoutMs: number;
}

export interface DownloadOptions extends DownloadLimits {
  allowPrivate: boolean;
  signal?: AbortSignal | undefined;
  resolve?: Resolve | undefined;
}

const maxRedirects = 5;
const redirects = [301, 302, 303, 307, 308];

/** @throws ContentError where `text` is no plain http(s) URL. */
function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new ContentError(`${text} is not an http(s) URL`, { retryable: false });
  if (url.username || url.password)
    throw new ContentError(`${url.host}: a URL with a user name or password is refused`, { retryable: false });
  if (base?.protocol === "https:" && url.protocol === "http:") {
    throw new ContentError(`${base.href} redirects to plain http (${url.href}), which is refused`, { retryable: false });
  }
  return url;
}

async function open(url: URL, { allowPrivate, idleTimeoutMs, resolve }: DownloadOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { address, family } = await checkedAddress(url, allowPrivate, resolve);
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    signal,
    agent: false,
    timeout: idleTimeoutMs,
    headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "assay" },
    // SAFETY: the connection goes to the address that was checked; the name is not resolved a second time.
    lookup: (_hostname, options, callback) => {
      if (options.all) callback(null, [{ address, family }]);
      else callback(null, address, family);
    },
    ...(isIP(url.hostname) === 0 && url.protocol === "https:" ? { servername: url.hostname } : {}),
  });
  request.on("timeout", () => request.destroy(new ContentError(`${url.host} was silent for ${idleTimeoutMs} ms`, { retryable: true })));
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

/** A status that may be different next time. */
const passing = (status: number) => status >= 500 || status === 408 || status === 425 || status === 429;

/**
 * Streams the body behind `uri`. Only the first hop may be private where just that was allowed: every redirect is checked anew
 * with `allowPrivateRedirects`.
 * @throws ContentError
 */
export async function* download(uri: string, options: DownloadOptions & { allowPrivateRedirects: boolean }): AsyncGenerator<Uint8Array> {
  const { maxBytes, totalTimeoutMs } = options;
  const deadline = AbortSignal.timeout(totalTimeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  let url = parseUrl(uri);
  try {
    let response = await open(url, options, signal);
    for (let hop = 0; redirects.includes(response.statusCode!); hop++) {
      response.destroy();
      if (hop === maxRedirects) throw new ContentError(`${uri} redirects more than ${maxRedirects} times`, { retryable: false });
      url = parseUrl(response.headers.location ?? "", url);
      response = await open(url, { ...options, allowPrivate: options.allowPrivateRedirects }, signal);
    }
    yield* body(response, url, maxBytes);
  } catch (error) {
    if (error instanceof ContentError) throw error;
    options.signal?.throwIfAborted();
    if (deadline.aborted) throw new ContentError(`${uri} took longer than ${totalTimeoutMs} ms`, { retryable: true, cause: error });
    throw new ContentError(`${url.host}: ${error instanceof Error ? error.message : String(error)}`, { retryable: true, cause: error });
  }
}

async function* body(response: IncomingMessage, url: URL, maxBytes: number): AsyncGenerator<Uint8Array> {
  const status = response.statusCode!;
  try {
    if (status !== 200) throw new ContentError(`${url.href} answered with status ${status}`, { retryable: passing(status) });
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (encoding !== "identity")
      throw new ContentError(`${url.href} answered in the encoding ${encoding}, which was not asked for`, { retryable: false });
    const tooLarge = (bytes: number) =>
      new ContentError(`${url.href} has ${bytes} bytes or more; at most ${maxBytes} are allowed`, { retryable: false });
    const announced = Number(response.headers["content-length"] ?? 0);
    if (announced > maxBytes) throw tooLarge(announced);
    let received = 0;
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      received += chunk.length;
      if (received > maxBytes) throw tooLarge(received);
      yield chunk;
    }
  } finally {
    response.destroy();
  }
}
