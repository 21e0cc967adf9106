import { getAddress, HDNodeWallet, Mnemonic } from "ethers";

/** What development networks are called: everything goes there, nothing is worth anything. */
export const isLocal = (chainId: number): boolean => chainId === 31337 || chainId === 1337;

let known: Set<string> | undefined;

/** Accounts whose keys every development tool prints; derived when they are first asked for, which takes a while. */
function publicAccounts(): Set<string> {
  if (known !== undefined) return known;
  const mnemonic = Mnemonic.fromPhrase("test test test test test test test test test test test junk");
  const parent = HDNodeWallet.fromMnemonic(mnemonic, "m/44'/60'/0'/0");
  known = new Set(Array.from({ length: 20 }, (_, index) => parent.deriveChild(index).address));
  return known;
}

/**
 * Why nobody in particular can act as an address, or null. A precompile, a burn address or a pattern that somebody typed holds
 * a role as well as a person does, and never uses it.
 */
export function placeholder(address: string, chainId: number): string | null {
  const digits = address.slice(2).toLowerCase();
  if (BigInt(address) < 0x10000n) return "is a placeholder: nobody has its key";
  if (/^(.{1,10})\1+$/.test(digits)) return "is a pattern, not an account: nobody has its key";
  if (!isLocal(chainId) && publicAccounts().has(getAddress(address))) {
    return "is an account of the test mnemonic: everybody has its key";
  }
  return null;
}
