import { createHash } from "node:crypto";
import { nodeIdOf, publicKeyOf, type IdentityRecord } from "../../../src/trust/identity.ts";
import { consentTo, openUnconsented, signStatement, type Cut } from "../../../src/trust/membership/statement.ts";

/** A machine whose keys follow from its name, so that every run has the same bytes. */
export interface Machine {
  readonly record: IdentityRecord;
  readonly identityKey: string;
  readonly identity: string;
  readonly raw: Buffer;
  readonly wireguardKey: string;
  readonly node: string;
  readonly name: string;
  readonly ip: string;
}

export const cidr = "10.77.0.0/16";
export const zeros: string = Buffer.alloc(32).toString("base64url");
export const bitsOf = (bytes: Uint8Array): number[] => Array.from({ length: bytes.length * 8 }, (_, bit) => bit);

export function machine(name: string): Machine {
  const identityKey = privateKey("302e020100300506032b657004220420", `identity ${name}`);
  const wireguard = privateKey("302e020100300506032b656e04220420", `wireguard ${name}`);
  const raw = publicKeyOf(identityKey, "ed25519");
  const [high = 0, low = 0] = createHash("sha256").update(name).digest();
  return {
    record: { version: 1, identityKey, wireguardKey: wireguard },
    ...{ identityKey, identity: raw.toString("base64url"), raw, node: nodeIdOf(raw) },
    wireguardKey: publicKeyOf(wireguard, "x25519").toString("base64url"),
    ...{ name, ip: `10.77.${high}.${(low % 250) + 2}` },
  };
}

export function privateKey(prefix: string, seed: string): string {
  const secret = createHash("sha256").update(seed).digest();
  return Buffer.concat([Buffer.from(prefix, "hex"), secret]).toString("base64");
}

export function genesisOf(
  founder: Machine,
  changes: object = {},
): { readonly bytes: Buffer; readonly network: string } {
  const { name, ip, wireguardKey } = founder;
  const statement = { kind: "Genesis", networkName: "crew", cidr, name, ip, wireguardKey, nonce: zeros, ...changes };
  const bytes = signStatement(statement as never, founder.identityKey);
  return { bytes, network: idOf(bytes) };
}

export function idOf(bytes: Uint8Array): string {
  const opened = openUnconsented(bytes);
  if (typeof opened === "string") throw new Error(opened);
  return opened.id;
}

/** Signs for one network. `seq` and everything else can be overridden. */
export class Signer {
  readonly network: string;
  constructor(network: string) {
    this.network = network;
  }

  admit(by: Machine, subject: Machine, changes: object = {}): Buffer {
    return consentTo(this.offer(by, subject, changes), subject.identityKey);
  }

  /** An Admit nobody consented to yet. */
  offer(by: Machine, { identity, name, ip, wireguardKey }: Machine, changes: object = {}): Buffer {
    const fields = { network: this.network, seq: 1, subject: identity, name, ip, wireguardKey, request: zeros };
    return signStatement({ kind: "Admit", ...fields, ...changes } as never, by.identityKey);
  }

  revoke(by: Machine, subject: Machine, changes: Partial<Cut> & { readonly seq?: number } = {}): Buffer {
    const fields = { network: this.network, seq: 1, subject: subject.identity, lastGoodSeq: 0, keeps: [] };
    return signStatement({ kind: "Revoke", ...fields, ...changes }, by.identityKey);
  }

  rotate(from: Machine, to: Machine, changes: Partial<Cut> & { readonly seq?: number } = {}): Buffer {
    const fields = { network: this.network, seq: 1, successor: to.identity, wireguardKey: to.wireguardKey };
    const cut = { lastGoodSeq: 0, keeps: [] };
    return consentTo(
      signStatement({ kind: "Rotate", ...fields, ...cut, ...changes }, from.identityKey),
      to.identityKey,
    );
  }

  leave(by: Machine, changes: Partial<Cut> & { readonly seq?: number } = {}): Buffer {
    const fields = { network: this.network, seq: 1, lastGoodSeq: 0, keeps: [] };
    return signStatement({ kind: "Leave", ...fields, ...changes }, by.identityKey);
  }
}

/** The same bytes with one bit the other way round. */
export function flip(bytes: Uint8Array, bit: number): Buffer {
  const altered = Buffer.from(bytes);
  altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return altered;
}
