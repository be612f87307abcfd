import { cidrProblem } from "../../resources/address-rules.ts";
import { FieldReader } from "../field-reader.ts";
import { identityProblem, key32, tunnelKeyProblem } from "./keys.ts";
import { memberAddressProblem } from "./mesh-addresses.ts";
import type { Cut, Statement } from "./statement.ts";

/** Admits one key can issue, and one Rotate. */
export const maxAdmits = 64;
const maxKeeps = maxAdmits + 1;
const maxSeq = 2 ** 48 - 1;
export const dnsLabel: { readonly max: number; readonly pattern: RegExp } = {
  max: 63,
  pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
};
export const address: { readonly max: number; readonly pattern: RegExp } = { max: 15, pattern: /^[0-9.]{7,15}$/ };
const kinds = ["Genesis", "Admit", "Revoke", "Rotate", "Leave"] as const;

/** The statement of a payload, or which field is wrong. Fields this version does not know are ignored. */
export function readStatement(value: unknown): Statement | string {
  const read = new FieldReader(value);
  const statement = readKind(read);
  return read.problem ?? statement;
}

function readKind(read: FieldReader): Statement {
  const kind = read.oneOf("kind", kinds);
  if (kind === "Genesis") return readGenesis(read);
  const network = read.text("network", key32);
  const seq = read.whole("seq", 1, maxSeq);
  if (kind === "Leave") return { kind, network, seq, ...readCut(read) };
  if (kind === "Revoke") return { kind, network, seq, subject: readIdentity(read, "subject"), ...readCut(read) };
  if (kind === "Rotate") {
    const successor = readIdentity(read, "successor");
    return { kind, network, seq, successor, wireguardKey: readTunnelKey(read, "wireguardKey"), ...readCut(read) };
  }
  return {
    ...{ kind, network, seq, subject: readIdentity(read, "subject"), ...readPlace(read) },
    request: read.text("request", key32),
  };
}

function readGenesis(read: FieldReader): Statement {
  const cidr = read.text("cidr", { max: 18 });
  const place = readPlace(read);
  read.check("cidr", cidrProblem(cidr));
  if (read.problem === undefined) read.check("ip", memberAddressProblem(place.ip, cidr));
  const networkName = read.text("networkName", dnsLabel);
  return { kind: "Genesis", networkName, cidr, ...place, nonce: read.text("nonce", key32) };
}

function readPlace(read: FieldReader): { readonly name: string; readonly ip: string; readonly wireguardKey: string } {
  return {
    name: read.text("name", dnsLabel),
    ip: read.text("ip", address),
    wireguardKey: readTunnelKey(read, "wireguardKey"),
  };
}

function readCut(read: FieldReader): Cut {
  return { lastGoodSeq: read.whole("lastGoodSeq", 0, maxSeq), keeps: read.texts("keeps", maxKeeps, key32) };
}

/** A raw Ed25519 public key, base64url. */
export function readIdentity(read: FieldReader, field: string): string {
  const text = read.text(field, key32);
  if (text !== "") read.check(field, identityProblem(Buffer.from(text, "base64url")));
  return text;
}

/** A raw X25519 public key, base64url. */
export function readTunnelKey(read: FieldReader, field: string): string {
  const text = read.text(field, key32);
  if (text !== "") read.check(field, tunnelKeyProblem(Buffer.from(text, "base64url")));
  return text;
}
