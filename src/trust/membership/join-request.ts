import { createHash, createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { publicKeyOf, type IdentityRecord } from "../identity.ts";
import { identityProblem, signatureBytes, signBytes, tunnelKeyProblem, verifyBytes } from "./keys.ts";
import { decodePaste, encodePaste, rejected, type PasteKind } from "./paste.ts";
import { dnsLabel } from "./statement-fields.ts";

/** A machine that wants in. Keys are raw. */
export interface JoinRequest {
  readonly identity: Uint8Array;
  readonly wireguardKey: Uint8Array;
  /** X25519; the invite is sealed to it, and its private half is erased when the invite was opened. */
  readonly oneTimeKey: Uint8Array;
  readonly name: string;
  /** sha256 of the request, base64url: what an Admit and an invite answer. */
  readonly hash: string;
}
/** What the machine itself keeps until its invite comes. `oneTimeKey` is PKCS #8 DER, base64. */
export interface PendingJoin {
  readonly text: string;
  readonly oneTimeKey: string;
}

const kind: PasteKind = {
  prefix: "hj1_",
  noun: "join request",
  hint: "copy the whole text that `homie network join` printed, and nothing else",
};
const version = 1;
const domain = "homie/join-request/1";
const nonceBytes = 16;
const fixedBytes = 1 + 3 * 32 + nonceBytes + 1;

/** `name` is a DNS label. */
export function createJoinRequest(record: IdentityRecord, name: string): PendingJoin {
  if (name.length > dnsLabel.max || !dnsLabel.pattern.test(name)) throw new RangeError("a name is a DNS label");
  const oneTime = generateKeyPairSync("x25519").privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
  const body = Buffer.concat([
    Buffer.from([version]),
    publicKeyOf(record.identityKey, "ed25519"),
    publicKeyOf(record.wireguardKey, "x25519"),
    publicKeyOf(oneTime, "x25519"),
    randomBytes(nonceBytes),
    Buffer.from([name.length]),
    Buffer.from(name),
  ]);
  const signature = signBytes(record.identityKey, domain, body);
  return { text: encodePaste(kind, Buffer.concat([body, signature])), oneTimeKey: oneTime };
}

/**
 * version u8, identity 32, WireGuard key 32, one-time key 32, nonce 16, length of the name u8, name, signature 64. Throws
 * InviteRejected.
 */
export function decodeJoinRequest(text: string): JoinRequest {
  const bytes = decodePaste(kind, text);
  if (bytes[0] !== version) throw rejected(kind, "was made by another homie");
  const nameLength = bytes.length > fixedBytes ? bytes.readUInt8(fixedBytes - 1) : 0;
  if (bytes.length !== fixedBytes + nameLength + signatureBytes) throw rejected(kind, "is malformed: its length");
  const body = bytes.subarray(0, -signatureBytes);
  const identity = body.subarray(1, 33);
  const wireguardKey = body.subarray(33, 65);
  const oneTimeKey = body.subarray(65, 97);
  const name = body.subarray(fixedBytes).toString("latin1");
  refuse("identity key", identityProblem(identity));
  if (!verifyBytes(identity, bytes.subarray(-signatureBytes), domain, body)) {
    throw rejected(kind, "is forged: its signature is wrong", "ask for a new one, over a way you trust");
  }
  refuse("WireGuard key", tunnelKeyProblem(wireguardKey));
  refuse("one-time key", tunnelKeyProblem(oneTimeKey));
  if (wireguardKey.equals(oneTimeKey)) refuse("one-time key", "is its WireGuard key");
  refuse("name", dnsLabel.pattern.test(name) ? undefined : "is no DNS label");
  const hash = createHash("sha256").update(`${domain}\0`).update(bytes).digest("base64url");
  return { identity, wireguardKey, oneTimeKey, name, hash };
}

/** Raw 32 bytes of an X25519 private key in PKCS #8 DER, base64. */
export function rawPrivateKey(key: string): Buffer {
  const { d } = createPrivateKey({ key: Buffer.from(key, "base64"), format: "der", type: "pkcs8" }).export({
    format: "jwk",
  });
  return Buffer.from(d ?? "", "base64url");
}

function refuse(part: string, problem: string | undefined): void {
  if (problem !== undefined) throw rejected(kind, `is refused: its ${part} ${problem}`);
}
