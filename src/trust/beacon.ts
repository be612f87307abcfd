import { createCipheriv, createDecipheriv } from "node:crypto";
import { publicKeyOf } from "./identity.ts";
import { signatureBytes, signBytes, verifyBytes } from "./membership/keys.ts";

/** What a machine says to its network: who it is and where it listens. Never more than a hint to dial. */
export interface Beacon {
  /** Raw Ed25519 public key. */
  readonly identity: Uint8Array;
  /** TCP port of the peer listener. */
  readonly port: number;
  readonly boot: number;
  readonly seq: number;
}

const version = 2;
const domain = "homie/beacon/2";
const additionalData = Buffer.from(domain);
const nonceBytes = 12;
const tagBytes = 16;
const saidBytes = 32 + 2 + 6 + 6;
const bodyBytes = saidBytes + signatureBytes;
/** Every beacon has this length, so nearly all foreign datagrams are dropped without touching a key. */
export const beaconBytes: number = 1 + nonceBytes + bodyBytes + tagBytes;

/**
 * version u8, nonce 12, ChaCha20-Poly1305(identity 32, port u16, boot u48, seq u48, signature 64 over these), tag 16. Signed,
 * or a member could number the beacons of another one far ahead, and its own would be old for ever. `nonce` is random,
 * `identityKey` PKCS #8 DER, base64.
 */
export function sealBeacon(
  key: Uint8Array,
  { port, boot, seq }: Omit<Beacon, "identity">,
  identityKey: string,
  nonce: Uint8Array,
): Buffer {
  const said = Buffer.alloc(saidBytes);
  said.set(publicKeyOf(identityKey, "ed25519"), 0);
  said.writeUInt16BE(port, 32);
  said.writeUIntBE(boot, 34, 6);
  said.writeUIntBE(seq, 40, 6);
  const body = Buffer.concat([said, signBytes(identityKey, domain, said)]);
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData, { plaintextLength: bodyBytes });
  const sealed = Buffer.concat([cipher.update(body), cipher.final()]);
  return Buffer.concat([Buffer.from([version]), nonce, sealed, cipher.getAuthTag()]);
}

/** Undefined for everything that was not sealed under this key, by the machine it is about. */
export function openBeacon(key: Uint8Array, datagram: Uint8Array): Beacon | undefined {
  if (datagram.length !== beaconBytes || datagram[0] !== version) return undefined;
  const nonce = datagram.subarray(1, 1 + nonceBytes);
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(additionalData, { plaintextLength: bodyBytes });
  decipher.setAuthTag(datagram.subarray(beaconBytes - tagBytes));
  const body = decipher.update(datagram.subarray(1 + nonceBytes, beaconBytes - tagBytes));
  try {
    decipher.final();
  } catch {
    return undefined; // not for us, or altered: the same to us
  }
  const identity = body.subarray(0, 32);
  const port = body.readUInt16BE(32);
  if (port === 0 || !verifyBytes(identity, body.subarray(saidBytes), domain, body.subarray(0, saidBytes)))
    return undefined;
  return { identity, port, boot: body.readUIntBE(34, 6), seq: body.readUIntBE(40, 6) };
}
