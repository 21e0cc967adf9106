/** Which addresses a URI of a stranger may lead to: the public internet, and nothing behind it. */
import { lookup as resolveName } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { ContentError } from "./contentError.ts";

/** IPv4 ranges that are not the public internet (IANA's special-purpose registry). */
const special4: [string, number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

const blocked4 = new BlockList();
for (const [net, prefix] of special4) blocked4.addSubnet(net, prefix, "ipv4");

/** Only 2000::/3 is global unicast; inside it, the forms that carry an IPv4 address or lead nowhere are refused too. */
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");
const special6 = new BlockList();
for (const [net, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const) {
  special6.addSubnet(net, prefix, "ipv6");
}

/** @param address an IPv4 or IPv6 address as text, without brackets. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !blocked4.check(address, "ipv4");
    case 6:
      return global6.check(address, "ipv6") && !special6.check(address, "ipv6");
    default:
      return false;
  }
}

export interface Address {
  address: string;
  family: number;
}

export type Resolve = (hostname: string) => Promise<Address[]>;

const resolveAll: Resolve = (hostname) => resolveName(hostname, { all: true, verbatim: true });

/**
 * Resolves `url`'s host once. The caller connects to the returned address and never resolves again, so a name that changes
 * its address between check and connection (DNS rebinding) gains nothing.
 * @throws ContentError where the host has no address, or where any of them isn't public and `allowPrivate` is false.
 */
export async function checkedAddress(url: URL, allowPrivate: boolean, resolve: Resolve = resolveAll): Promise<Address> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const literal = isIP(host);
  const addresses =
    literal === 0 ? await resolve(host).catch((error: unknown) => unresolved(host, error)) : [{ address: host, family: literal }];
  const hidden = addresses.find(({ address }) => !isPublicAddress(address));
  if (hidden && !allowPrivate) {
    throw new ContentError(
      `${url.origin} leads to ${hidden.address}, which is not a public address; private addresses must be allowed in the configuration`,
      {
        retryable: false,
      },
    );
  }
  return addresses[0] ?? unresolved(host, undefined);
}

function unresolved(host: string, cause: unknown): never {
  throw new ContentError(`the host ${host} has no address; check the URI and the name server`, { retryable: true, cause });
}
