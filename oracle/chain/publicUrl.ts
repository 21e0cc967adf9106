/** What of a provider's URL may be printed. User name, password, path and query may all be keys, and so may a part of the host's name. */

/** Shorter parts of a path, like "v3" or "eth", are no keys. */
const shortestSecret = 6;

/** @returns the URL's host, its parts that look like keys cut out. */
export function publicName(url: string): string {
  const { hostname, host } = new URL(url);
  const shown = hostname
    .split(".")
    .map((label) => (looksLikeKey(label) ? "…" : label))
    .join(".");
  return host.replace(hostname, shown);
}

/** Long, and with digits among its letters, as generated names are. */
const looksLikeKey = (label: string) => label.length >= 20 && /\d/.test(label) && /^[0-9a-z]+$/i.test(label);

/** @returns the parts of the URL that may be secret, the longest first, as they stand in it and decoded. */
function secretsIn(url: string): string[] {
  const { username, password, pathname, search, hash, hostname } = new URL(url);
  const parts = [
    username,
    password,
    ...pathname.split("/"),
    ...(search + hash).split(/[?&=#]/),
    ...hostname.split(".").filter(looksLikeKey),
  ];
  const written = parts.flatMap((part) => [part, decode(part)]).filter((part) => part.length >= shortestSecret);
  const certain = [password, decode(password)].filter((part) => part !== "");
  const whole = [pathname + search, pathname].filter((part) => part.length > shortestSecret);
  return [...new Set([...whole, ...written, ...certain])].sort((a, b) => b.length - a.length);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @returns what takes everything that may be secret in the URL out of a text: providers repeat their own URL in what they say. */
export function withoutSecretsOf(url: string): (text: string) => string {
  const secrets = secretsIn(url);
  return (text) => secrets.reduce((left, secret) => left.replaceAll(secret, "[redacted]"), text);
}

/** Splits a URL into one that a client takes and the header that carries its user name and password. */
export function withoutCredentials(url: string): { url: string; headers: Record<string, string> } {
  const plain = new URL(url);
  const { username, password } = plain;
  if (username === "" && password === "") return { url, headers: {} };
  plain.username = "";
  plain.password = "";
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64");
  return { url: plain.href, headers: { authorization: `Basic ${credentials}` } };
}
