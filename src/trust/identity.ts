import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";

/**
 * The two keys of a machine: Ed25519 says who it is, X25519 is its WireGuard key. They are separate on purpose: the tunnel key
 * must be replaceable without becoming somebody else. Private parts are PKCS #8 DER, base64.
 */
export interface IdentityRecord {
  readonly version: 1;
  readonly identityKey: string;
  readonly wireguardKey: string;
}

const base32 = "abcdefghijklmnopqrstuvwxyz234567";
/** 125 bits: no two machines share a name by accident. */
const nodeIdLength = 25;

export function generateIdentity(): IdentityRecord {
  const encode = (key: KeyObject): string => key.export({ format: "der", type: "pkcs8" }).toString("base64");
  return {
    version: 1,
    identityKey: encode(generateKeyPairSync("ed25519").privateKey),
    wireguardKey: encode(generateKeyPairSync("x25519").privateKey),
  };
}

/** Raw 32-byte public key of a private one. Throws when the text is no key of that type. */
export function publicKeyOf(privateKey: string, type: "ed25519" | "x25519"): Buffer {
  const key = createPublicKey(
    createPrivateKey({ key: Buffer.from(privateKey, "base64"), format: "der", type: "pkcs8" }),
  );
  if (key.asymmetricKeyType !== type) throw new Error(`expected a key of type ${type}`);
  const { x } = key.export({ format: "jwk" });
  return Buffer.from(x ?? "", "base64url");
}

/** First 25 letters of base32(sha256(raw Ed25519 public key)): the name of a machine that nobody else can take. */
export function nodeIdOf(identityPublicKey: Uint8Array): string {
  const digest = createHash("sha256").update(identityPublicKey).digest();
  let bits = 0;
  let value = 0;
  let text = "";
  for (const byte of digest) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5 && text.length < nodeIdLength) {
      bits -= 5;
      text += base32[(value >> bits) & 31];
    }
  }
  return text;
}
