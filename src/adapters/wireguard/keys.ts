import { createPrivateKey, createPublicKey } from "node:crypto";

/** RFC 8410: an X25519 private key in PKCS #8 is this and the 32 bytes. */
const pkcs8Head = Buffer.from("302e020100300506032b656e04220420", "hex");
const noKey = Buffer.alloc(32).toString("base64");

/** 32 bytes as `wg` writes them: base64 with padding, and no bits left over. All zeros is no key. */
export function isKey(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text) && text !== noKey;
}

/** WireGuard sets some bits of a private key when it takes it; public keys say whether two are the same. */
export function derivePublicKey(privateKey: string): string {
  const der = Buffer.concat([pkcs8Head, Buffer.from(privateKey, "base64")]);
  const publicKey = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  return publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
}
