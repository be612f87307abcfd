import { createPrivateKey, createPublicKey, diffieHellman, sign, verify, type KeyObject } from "node:crypto";

/** Raw public keys, ids and hashes inside JSON: base64url of 32 bytes, in the one form that encodes them. */
export const key32: { readonly max: number; readonly pattern: RegExp } = {
  max: 43,
  // The last letter carries four bits and two zeros: anything else would be a second spelling of the same bytes.
  pattern: /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/,
};
export const signatureBytes = 64;

/** y of the points of order 1, 2, 4 and 8 (RFC 8032 curve), little-endian, sign bit clear. Whoever has such a "key" signs for anybody. */
const smallOrder: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]);
/** Any private key does: of a point of low order every multiple by a clamped scalar is zero, and OpenSSL refuses that. */
const probe = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), Buffer.alloc(32, 0x42)]),
  format: "der",
  type: "pkcs8",
});

/** What is wrong with a raw Ed25519 public key, or undefined. */
export function identityProblem(raw: Uint8Array): string | undefined {
  if (raw.length !== 32) return "is not 32 bytes";
  const y = Buffer.from(raw);
  y.writeUInt8(y.readUInt8(31) & 0x7f, 31);
  if (!belowPrime(y)) return "is not in its one form";
  return smallOrder.has(y.toString("hex")) ? "is a point of small order" : undefined;
}

/** What is wrong with a raw X25519 public key, or undefined. One form each, so that two members never share a tunnel key. */
export function tunnelKeyProblem(raw: Uint8Array): string | undefined {
  if (raw.length !== 32) return "is not 32 bytes";
  if (!belowPrime(raw)) return "is not in its one form";
  const publicKey = importKey("X25519", raw);
  if (publicKey === undefined) return "is no X25519 key";
  try {
    diffieHellman({ privateKey: probe, publicKey });
    return undefined;
  } catch {
    return "is a point of low order"; // the shared secret would be known to everybody
  }
}

export function signBytes(identityKey: string, domain: string, ...parts: readonly Uint8Array[]): Buffer {
  const key = createPrivateKey({ key: Buffer.from(identityKey, "base64"), format: "der", type: "pkcs8" });
  return sign(null, Buffer.concat([Buffer.from(`${domain}\0`), ...parts]), key);
}

/** OpenSSL refuses an S that is not below the group order, so a signature cannot be respelled by strangers. */
export function verifyBytes(
  identity: Uint8Array,
  signature: Uint8Array,
  domain: string,
  ...parts: readonly Uint8Array[]
): boolean {
  if (identityProblem(identity) !== undefined || signature.length !== signatureBytes) return false;
  const key = importKey("Ed25519", identity);
  if (key === undefined) return false;
  return verify(null, Buffer.concat([Buffer.from(`${domain}\0`), ...parts]), key, signature);
}

function importKey(crv: "Ed25519" | "X25519", raw: Uint8Array): KeyObject | undefined {
  try {
    const x = Buffer.from(raw).toString("base64url");
    return createPublicKey({ key: { kty: "OKP", crv, x }, format: "jwk" });
  } catch {
    return undefined; // bytes that are no key
  }
}

/** Little-endian and below 2^255 - 19. */
function belowPrime(bytes: Uint8Array): boolean {
  const value = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
  return value < 2n ** 255n - 19n;
}
