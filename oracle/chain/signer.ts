import { Transaction, Wallet, type TransactionLike } from "ethers";

export class KeyError extends Error {
  override name = "KeyError";
}

export interface SignedTransaction {
  hash: string;
  raw: string;
}

/** Holds one private key; gives away only its address and signatures. */
export class Signer {
  readonly address: string;
  readonly #wallet: Wallet;

  private constructor(wallet: Wallet) {
    this.#wallet = wallet;
    this.address = wallet.address;
  }

  /**
   * @param key 32 bytes as hex, with or without 0x.
   * @throws KeyError without any part of the key in it.
   */
  static fromKey(key: string): Signer {
    const hex = key.trim().replace(/^0x/, "");
    if (!/^[0-9a-f]{64}$/i.test(hex)) throw new KeyError("the key is not 64 hexadecimal digits");
    try {
      return new Signer(new Wallet(`0x${hex}`));
    } catch {
      // The library's message repeats the key.
      throw new KeyError("the key is outside the curve's order: make another one");
    }
  }

  /** @throws KeyError where it is no keystore or the password is wrong. */
  static async fromKeystore(json: string, password: string): Promise<Signer> {
    try {
      const { privateKey } = await Wallet.fromEncryptedJson(json, password);
      return new Signer(new Wallet(privateKey));
    } catch (error) {
      const wrong = (error as { code?: string }).code === "INVALID_ARGUMENT" && /password/.test((error as Error).message);
      throw new KeyError(wrong ? "the keystore's password is wrong" : "the keystore is not an encrypted JSON keystore");
    }
  }

  /** Signs an EIP-1559 transaction. */
  sign(transaction: TransactionLike): SignedTransaction {
    const unsigned = Transaction.from({ type: 2, ...transaction });
    unsigned.signature = this.#wallet.signingKey.sign(unsigned.unsignedHash);
    return { hash: unsigned.hash!, raw: unsigned.serialized };
  }
}
