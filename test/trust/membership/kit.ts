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

/** Order of the Ed25519 base point (RFC 8032, 5.1). */
export const groupOrder: bigint = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Keys nobody may have; little-endian hex. */
export const hexKeys: Readonly<Record<"smallOrder" | "nonCanonical" | "lowOrder", readonly string[]>> = {
  smallOrder: [
    "00".repeat(32),
    `01${"00".repeat(31)}`,
    `ec${"ff".repeat(30)}7f`,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ],
  nonCanonical: [`ed${"ff".repeat(30)}7f`, `ee${"ff".repeat(30)}7f`, `ff${"ff".repeat(30)}7f`, "ff".repeat(32)],
  lowOrder: [
    "00".repeat(32),
    `01${"00".repeat(31)}`,
    `ec${"ff".repeat(30)}7f`,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  ],
};
