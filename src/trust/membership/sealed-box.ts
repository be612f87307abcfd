import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";

/** What both ends must agree on for a box to open. */
export interface BoxContext {
  readonly info: Uint8Array;
  readonly additional: Uint8Array;
}

export const encapsulatedBytes = 32;
const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Chacha20Poly1305(),
});

/** HPKE base mode, one message (RFC 9180, 6.1): enc 32 || ciphertext. `recipient` is a raw X25519 key, checked before. */
export async function sealBox(recipient: Uint8Array, context: BoxContext, plain: Uint8Array): Promise<Buffer> {
  const recipientPublicKey = await suite.kem.deserializePublicKey(exact(recipient));
  const params = { recipientPublicKey, info: exact(context.info) };
  const { enc, ct } = await suite.seal(params, exact(plain), exact(context.additional));
  return Buffer.concat([Buffer.from(enc), Buffer.from(ct)]);
}

/** Undefined for what was not sealed to this key in this context; `recipient` is a raw X25519 private key. */
export async function openBox(
  recipient: Uint8Array,
  context: BoxContext,
  box: Uint8Array,
): Promise<Buffer | undefined> {
  if (box.length <= encapsulatedBytes) return undefined;
  const recipientKey = await suite.kem.deserializePrivateKey(exact(recipient));
  const enc = exact(box.subarray(0, encapsulatedBytes));
  const cipher = exact(box.subarray(encapsulatedBytes));
  try {
    const params = { recipientKey, enc, info: exact(context.info) };
    return Buffer.from(await suite.open(params, cipher, exact(context.additional)));
  } catch {
    return undefined; // another recipient, altered, or a point of low order: the same to us, and to who tries
  }
}

/** A buffer of its own: views of Buffer's pool show more than they hold. */
function exact(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
