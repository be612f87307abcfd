import { createHash } from "node:crypto";
import { HomieError } from "../../../src/resources/errors.ts";
import { decodeBundle, sealBundle, type BundleReader } from "../../../src/trust/membership/bundle.ts";
import type { BundleContents } from "../../../src/trust/membership/bundle-fields.ts";
import { createJoinRequest, decodeJoinRequest, type JoinRequest } from "../../../src/trust/membership/join-request.ts";
import { signBytes } from "../../../src/trust/membership/keys.ts";
import { sealBox } from "../../../src/trust/membership/sealed-box.ts";
import type { Cut } from "../../../src/trust/membership/statement.ts";
import { genesisOf, machine, Signer, type Machine } from "./kit.ts";

/** ann founded, ann let bob in, bob invites eve. */
export const [ann, bob, eve, mal]: [Machine, Machine, Machine, Machine] = [
  ...[machine("ann"), machine("bob"), machine("eve"), machine("mal")],
] as [Machine, Machine, Machine, Machine];
export const genesis: ReturnType<typeof genesisOf> = genesisOf(ann);
export const sign: Signer = new Signer(genesis.network);
export const annBob: Buffer = sign.admit(ann, bob);
export const nowMs = 1_800_000_000_000;
const hour = 3_600_000;

export interface Pending {
  readonly text: string;
  readonly oneTimeKey: string;
  readonly request: JoinRequest;
}
export function requestOf(joiner: Machine): Pending {
  const pending = createJoinRequest(joiner.record, joiner.name);
  return { ...pending, request: decodeJoinRequest(pending.text) };
}

export const text64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const peerOf = ({ identity, wireguardKey, ip, name }: Machine): BundleContents["peers"][number] => ({
  ...{ public_key: identity, wireguard_key: wireguardKey, ip, endpoints: ["192.0.2.7:51820", "[2001:db8::7]:51820"] },
  name,
});

/** A sound invite of eve by bob, with changes to its contents and to the Admit inside. */
export function contentsFor(
  request: JoinRequest,
  changes: Partial<BundleContents> = {},
  admit: object = {},
): BundleContents {
  return {
    ...{ network_name: "crew", genesis: text64(genesis.bytes), group_secret: "correct horse battery staple" },
    ...{ peers: [peerOf(ann), peerOf(bob)], assigned_ip: eve.ip, invited_by: bob.node, chain: [text64(annBob)] },
    admit: text64(sign.offer(bob, eve, { request: request.hash, ...admit })),
    ...{ issued_at: nowMs, expires_at: nowMs + 24 * hour },
    ...changes,
  };
}

export const inviteEve = (request: JoinRequest, changes: Partial<BundleContents> = {}): Promise<string> =>
  sealBundle(contentsFor(request, changes), request, bob.identityKey);

/** A paste with right length and checksum around any body: what a forger would make. */
export function pasteOf(prefix: string, body: Uint8Array): string {
  const framed = Buffer.concat([Buffer.from([body.length >> 8, body.length & 0xff]), body]);
  const sum = createHash("sha256").update(`homie/paste/1\0${prefix}`).update(framed).digest().subarray(0, 4);
  return prefix + Buffer.concat([framed, sum]).toString("base64url");
}

/** What pasteOf made, undone. */
export const bodyOf = (text: string): Buffer => Buffer.from(text.slice(4), "base64url").subarray(2, -4);
export const nothingKept: Cut = { lastGoodSeq: 0, keeps: [] };

/** Why an invite is refused, or "none". */
export async function refusalOf(text: string, reader: BundleReader): Promise<string> {
  try {
    await decodeBundle(text, reader);
    return "none";
  } catch (error) {
    if (!(error instanceof HomieError) || error.code !== "InviteRejected") throw error;
    if (error.hint === undefined) throw new Error("an error without a hint", { cause: error });
    return error.message;
  }
}

/** What a malicious inviter with homie's own code minus its checks makes of any plain text. */
export async function forge(plain: unknown, request: JoinRequest, by: Machine = bob): Promise<string> {
  const head = Buffer.concat([Buffer.from([1]), by.raw, Buffer.from(request.hash, "base64url")]);
  const context = { info: Buffer.from("homie/bundle/1"), additional: Buffer.concat([head, request.identity]) };
  const bytes = Buffer.from(typeof plain === "string" ? plain : JSON.stringify(plain));
  const box = await sealBox(request.oneTimeKey, context, bytes);
  return pasteOf("hm1_", Buffer.concat([head, box, signBytes(by.identityKey, "homie/bundle/1", head, box)]));
}
