import { publicKeyOf } from "./identity.ts";
import { signBytes, signatureBytes, verifyBytes } from "./membership/keys.ts";

/** What goes in a `path` frame of a link. Node ids have 25 letters. */
export type PathFrame =
  /** For the other end of the link. */
  | { readonly kind: "direct"; readonly message: Uint8Array }
  /** To be passed on to a member that the sender has no link to. */
  | { readonly kind: "forward"; readonly to: string; readonly letter: Uint8Array }
  /** Passed on; who wrote it is proved by its signature. */
  | { readonly kind: "forwarded"; readonly from: string; readonly letter: Uint8Array };

const kinds = { direct: 1, forward: 2, forwarded: 3 } as const;
const nodeBytes = 25;
const maxMessageBytes = 1_024;
const domain = "homie/path/1";

/** kind u8, then the message; or a node id of 25 letters and a letter: signature 64, message. */
export function encodePathFrame(frame: PathFrame): Buffer {
  const kind = Buffer.from([kinds[frame.kind]]);
  if (frame.kind === "direct") return Buffer.concat([kind, frame.message]);
  return Buffer.concat([kind, Buffer.from(frame.kind === "forward" ? frame.to : frame.from), frame.letter]);
}

export function decodePathFrame(bytes: Uint8Array): PathFrame | undefined {
  const body = Buffer.from(bytes.subarray(1));
  if (bytes[0] === kinds.direct) return body.length <= maxMessageBytes ? { kind: "direct", message: body } : undefined;
  const node = body.subarray(0, nodeBytes).toString("latin1");
  const letter = body.subarray(nodeBytes);
  if (!/^[a-z2-7]{25}$/.test(node) || letter.length <= signatureBytes) return undefined;
  if (letter.length > signatureBytes + maxMessageBytes) return undefined;
  if (bytes[0] === kinds.forward) return { kind: "forward", to: node, letter };
  return bytes[0] === kinds.forwarded ? { kind: "forwarded", from: node, letter } : undefined;
}

/** Bound to both ends: it is worth nothing to or from anybody else. `identityKey` is PKCS #8 DER, base64. */
export function sealLetter(message: Uint8Array, to: string, identityKey: string): Buffer {
  const from = publicKeyOf(identityKey, "ed25519");
  return Buffer.concat([signBytes(identityKey, domain, from, Buffer.from(to), message), message]);
}

/** The message; undefined when it is not what the owner of `identity` (raw) wrote to `to`. */
export function openLetter(letter: Uint8Array, identity: Uint8Array, to: string): Uint8Array | undefined {
  const message = letter.subarray(signatureBytes);
  const signature = letter.subarray(0, signatureBytes);
  return verifyBytes(identity, signature, domain, identity, Buffer.from(to), message) ? message : undefined;
}
