import { createHash } from "node:crypto";
import { publicKeyOf } from "../identity.ts";
import { decodeStrictJson } from "../strict-json.ts";
import { signatureBytes, signBytes, verifyBytes } from "./keys.ts";
import { readStatement } from "./statement-fields.ts";

/** Up to where the statements of a key are good, by number and by name: a thief of the key cannot date anything back. */
export interface Cut {
  readonly lastGoodSeq: number;
  /** Ids of that key's Admits and Rotates that stay. */
  readonly keeps: readonly string[];
}
/** Keys, ids and hashes are base64url of 32 bytes; `network` is the id of the Genesis; `seq` counts the author's statements from 1. */
export type Statement =
  | {
      readonly kind: "Genesis";
      readonly networkName: string;
      readonly cidr: string;
      readonly name: string;
      readonly ip: string;
      readonly wireguardKey: string;
      readonly nonce: string;
    }
  | {
      readonly kind: "Admit";
      readonly network: string;
      readonly seq: number;
      readonly subject: string;
      readonly name: string;
      readonly ip: string;
      readonly wireguardKey: string;
      /** sha256 of the join request this answers. */
      readonly request: string;
    }
  | ({ readonly kind: "Revoke"; readonly network: string; readonly seq: number; readonly subject: string } & Cut)
  | ({
      readonly kind: "Rotate";
      readonly network: string;
      readonly seq: number;
      readonly successor: string;
      readonly wireguardKey: string;
    } & Cut)
  | ({ readonly kind: "Leave"; readonly network: string; readonly seq: number } & Cut);

export interface SignedStatement<S extends Statement = Statement> {
  /** Of author and payload: two signatures under one text are one statement. */
  readonly id: string;
  readonly issuer: string;
  readonly statement: S;
  /** As received; kept and forwarded like this, never written anew. */
  readonly bytes: Uint8Array;
}

const version = 1;
const domain = "homie/statement/1";
const consentDomain = "homie/statement-consent/1";
const issuerEnd = 1 + 32;
const signatureEnd = issuerEnd + signatureBytes;
const headBytes = signatureEnd + signatureBytes;
const unsigned = Buffer.alloc(signatureBytes);
export const maxStatementBytes: number = 4_096 + headBytes;

/**
 * version u8, issuer 32, signature 64, consent 64, payload JSON. Admits and Rotates are nothing until the key they name
 * has consented (`consentTo`); for all others these 64 bytes are zero. `identityKey` is PKCS #8 DER, base64.
 */
export function signStatement(statement: Statement, identityKey: string): Buffer {
  const issuer = publicKeyOf(identityKey, "ed25519");
  const payload = Buffer.from(JSON.stringify(statement));
  const signature = signBytes(identityKey, domain, issuer, payload);
  return Buffer.concat([Buffer.from([version]), issuer, signature, unsigned, payload]);
}

/** The same statement with the signature of the key that is admitted, or rotated to. */
export function consentTo(bytes: Uint8Array, identityKey: string): Buffer {
  const consent = signBytes(identityKey, consentDomain, ...signedParts(bytes));
  return Buffer.concat([bytes.subarray(0, signatureEnd), consent, bytes.subarray(headBytes)]);
}

/** By the very object: a pile is judged anew with every statement that comes, and its bytes never change. */
const openedBefore = new WeakMap<Uint8Array, SignedStatement | string>();

/** The statement, or why these bytes are none. */
export function openStatement(bytes: Uint8Array): SignedStatement | string {
  const known = openedBefore.get(bytes);
  if (known !== undefined) return known;
  const opened = openOnce(bytes);
  openedBefore.set(bytes, opened);
  return opened;
}

function openOnce(bytes: Uint8Array): SignedStatement | string {
  const opened = openUnconsented(bytes);
  if (typeof opened === "string") return opened;
  const consent = bytes.subarray(signatureEnd, headBytes);
  const partner = partnerOf(opened.statement);
  if (partner === undefined) return unsigned.equals(consent) ? opened : "has a second signature where none belongs";
  if (unsigned.equals(consent)) return "lacks the consent of the key it names";
  const sound = verifyBytes(Buffer.from(partner, "base64url"), consent, consentDomain, ...signedParts(bytes));
  return sound ? opened : "has a forged consent, or was altered";
}

/** For the machine that is to consent: all of openStatement but the consent. */
export function openUnconsented(bytes: Uint8Array): SignedStatement | string {
  if (bytes.length <= headBytes || bytes.length > maxStatementBytes) return "is cut or too long";
  if (bytes[0] !== version) return "is of a version this homie does not know";
  const [issuer, payload] = signedParts(bytes);
  if (!verifyBytes(issuer, bytes.subarray(issuerEnd, signatureEnd), domain, issuer, payload)) {
    return "has a forged signature, or was altered";
  }
  const statement = readStatement(decodeStrictJson(payload, { maxBytes: maxStatementBytes, maxDepth: 3 }));
  if (typeof statement === "string") return `is malformed: ${statement}`;
  const id = createHash("sha256").update(`${domain}\0`).update(issuer).update(payload).digest("base64url");
  return { id, issuer: Buffer.from(issuer).toString("base64url"), statement, bytes };
}

function partnerOf(statement: Statement): string | undefined {
  if (statement.kind === "Admit") return statement.subject;
  return statement.kind === "Rotate" ? statement.successor : undefined;
}

function signedParts(bytes: Uint8Array): [issuer: Uint8Array, payload: Uint8Array] {
  return [bytes.subarray(1, issuerEnd), bytes.subarray(headBytes)];
}
