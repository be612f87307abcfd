import { createPrivateKey, createPublicKey, sign, X509Certificate, type KeyObject } from "node:crypto";

/** PEM texts for a TLS socket. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** id-Ed25519, RFC 8410. */
const ed25519 = [0x2b, 0x65, 0x70];
/** id-at-commonName, RFC 5280. */
const commonName = [0x55, 0x04, 0x03];

/**
 * A self-signed certificate around the identity key (RFC 5280, RFC 8410). It says nothing but the key: every machine has
 * the same subject, so that a stranger who connects learns no name. Valid for all time, because a machine with a wrong
 * clock must not be locked out. `identityKey` is PKCS #8 DER, base64.
 */
export function createCertificate(identityKey: string): Certificate {
  const key = createPrivateKey({ key: Buffer.from(identityKey, "base64"), format: "der", type: "pkcs8" });
  const algorithm = sequence(der(0x06, Buffer.from(ed25519)));
  const name = sequence(der(0x31, sequence(der(0x06, Buffer.from(commonName)), der(0x0c, Buffer.from("homie")))));
  const validity = sequence(der(0x17, Buffer.from("700101000000Z")), der(0x18, Buffer.from("99991231235959Z")));
  const version3 = der(0xa0, der(0x02, Buffer.from([2])));
  const serial = der(0x02, Buffer.from([1]));
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" });
  const body = sequence(version3, serial, algorithm, name, validity, name, publicKey);
  const signature = der(0x03, Buffer.from([0]), sign(null, body, key));
  return {
    key: String(key.export({ format: "pem", type: "pkcs8" })),
    cert: new X509Certificate(sequence(body, algorithm, signature)).toString(),
  };
}

/** Raw Ed25519 public key; undefined for a key of another type. */
export function rawPublicKey(key: KeyObject): Buffer | undefined {
  if (key.asymmetricKeyType !== "ed25519") return undefined;
  const { x } = key.export({ format: "jwk" });
  return x === undefined ? undefined : Buffer.from(x, "base64url");
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

/** Tag, length, value; nothing here is longer than 65,535 bytes. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}
