import { createCipheriv, createDecipheriv } from "node:crypto";

/** What a machine says to its network: who it is and where it listens. Never more than a hint to dial. */
export interface Beacon {
  /** Raw Ed25519 public key. */
  readonly identity: Uint8Array;
  /** TCP port of the peer listener. */
  readonly port: number;
  readonly boot: number;
  readonly seq: number;
}

const version = 1;
const additionalData = Buffer.from("homie/beacon/1");
const nonceBytes = 12;
const tagBytes = 16;
const bodyBytes = 32 + 2 + 6 + 6;
/** Every beacon has this length, so nearly all foreign datagrams are dropped without touching a key. */
export const beaconBytes: number = 1 + nonceBytes + bodyBytes + tagBytes;

/** version u8, nonce 12, ChaCha20-Poly1305(identity 32, port u16, boot u48, seq u48), tag 16; `nonce` is random. */
export function sealBeacon(key: Uint8Array, beacon: Beacon, nonce: Uint8Array): Buffer {
  const body = Buffer.alloc(bodyBytes);
  body.set(beacon.identity, 0);
  body.writeUInt16BE(beacon.port, 32);
  body.writeUIntBE(beacon.boot, 34, 6);
  body.writeUIntBE(beacon.seq, 40, 6);
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData, { plaintextLength: bodyBytes });
  const sealed = Buffer.concat([cipher.update(body), cipher.final()]);
  return Buffer.concat([Buffer.from([version]), nonce, sealed, cipher.getAuthTag()]);
}

/** Undefined for everything that was not sealed under this key. */
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
  const port = body.readUInt16BE(32);
  if (port === 0) return undefined;
  return { identity: body.subarray(0, 32), port, boot: body.readUIntBE(34, 6), seq: body.readUIntBE(40, 6) };
}
