import { publicKeyOf } from "../identity.ts";
import { decodeStrictJson } from "../strict-json.ts";
import { readContents, type BundleContents, type BundleParties } from "./bundle-fields.ts";
import { rawPrivateKey, type JoinRequest } from "./join-request.ts";
import { signatureBytes, signBytes, verifyBytes } from "./keys.ts";
import { decodePaste, encodePaste, maxPasteBytes, rejected, type PasteKind } from "./paste.ts";
import { encapsulatedBytes, openBox, sealBox, type BoxContext } from "./sealed-box.ts";

/** An invite that was opened by the machine it is for. */
export interface Bundle {
  readonly contents: BundleContents;
  /** Id of the network's Genesis. */
  readonly network: string;
  /** What this machine is called in it. */
  readonly name: string;
  /** Raw identity key of who signed it, for the fingerprint. */
  readonly inviter: Uint8Array;
}
/** The machine that opens: its own request and one-time key (PKCS #8 DER, base64), its clock, and where it is already. */
export interface BundleReader {
  readonly request: JoinRequest;
  readonly oneTimeKey: string;
  readonly nowMs: number;
  readonly joined?: { readonly network: string; readonly networkName: string };
}

const kind: PasteKind = {
  prefix: "hm1_",
  noun: "invite",
  hint: "copy the whole text that `homie network invite` printed, and nothing else",
};
const anew = "run `homie network join` again and send its text to a friend who is in the network";
const version = 1;
const domain = "homie/bundle/1";
const headBytes = 1 + 32 + 32;
const minBytes = headBytes + encapsulatedBytes + 16 + signatureBytes;
const skewMs = 10 * 60_000;

/** version u8, inviter 32, hash of the request 32, HPKE (enc 32, ciphertext), signature 64 over everything before. Throws InviteRejected. */
export async function sealBundle(contents: BundleContents, request: JoinRequest, identityKey: string): Promise<string> {
  const inviter = publicKeyOf(identityKey, "ed25519");
  const sound = readContents(contents, partiesOf(inviter, request));
  if (typeof sound === "string")
    throw rejected(kind, `cannot be made: ${sound}`, "nothing was sent; mend what is named");
  const head = Buffer.concat([Buffer.from([version]), inviter, Buffer.from(request.hash, "base64url")]);
  const plain = Buffer.from(JSON.stringify(sound.contents));
  const box = await sealBox(request.oneTimeKey, contextOf(head, request), plain);
  const size = head.length + box.length + signatureBytes;
  if (size > maxPasteBytes) {
    throw rejected(kind, `would be ${size} bytes, more than ${maxPasteBytes}`, "name fewer peers in it; one is enough");
  }
  return encodePaste(kind, Buffer.concat([head, box, signBytes(identityKey, domain, head, box)]));
}

/** Throws InviteRejected; nothing of an invite that is not for this machine, or not sound in all parts, is given out. */
export async function decodeBundle(text: string, reader: BundleReader): Promise<Bundle> {
  const bytes = decodePaste(kind, text);
  if (bytes.length < minBytes) throw rejected(kind, "is malformed: it is too short", anew);
  if (bytes[0] !== version) throw rejected(kind, "was made by another homie", "use the same version on both machines");
  const head = bytes.subarray(0, headBytes);
  const box = bytes.subarray(headBytes, -signatureBytes);
  const inviter = head.subarray(1, 33);
  if (!verifyBytes(inviter, bytes.subarray(-signatureBytes), domain, head, box)) {
    throw rejected(kind, "is forged: its signature is wrong", "ask for a new one, over a way you trust");
  }
  if (head.subarray(33).toString("base64url") !== reader.request.hash) {
    throw rejected(kind, "is not for this machine, or for an older join request of it", anew);
  }
  const plain = await openBox(rawPrivateKey(reader.oneTimeKey), contextOf(head, reader.request), box);
  if (plain === undefined) throw rejected(kind, "cannot be opened with this machine's key", anew);
  const read = readContents(
    decodeStrictJson(plain, { maxBytes: maxPasteBytes, maxDepth: 4 }),
    partiesOf(inviter, reader.request),
  );
  if (typeof read === "string") throw rejected(kind, `is refused: ${read}`, anew);
  refuseByClock(read.contents, reader.nowMs);
  refuseOtherNetwork(read.network, read.contents.network_name, reader.joined);
  return { ...read, inviter };
}

function refuseByClock({ issued_at, expires_at }: BundleContents, nowMs: number): void {
  const clock = `the clock of this machine says ${timeText(nowMs)}`;
  if (nowMs > expires_at + skewMs) throw rejected(kind, `expired at ${timeText(expires_at)}; ${clock}`, anew);
  if (nowMs < issued_at - skewMs) {
    throw rejected(
      kind,
      `is from ${timeText(issued_at)}, and ${clock}`,
      "set the clock of one of the two machines right",
    );
  }
}

function refuseOtherNetwork(network: string, name: string, joined: BundleReader["joined"]): void {
  if (joined === undefined || joined.network === network) return;
  const here = `${joined.networkName} (${joined.network.slice(0, 12)})`;
  const problem = `is for the network ${name} (${network.slice(0, 12)}), and this machine is in ${here}`;
  throw rejected(kind, problem, "leave that network first");
}

/** Both ends know it without being told: whoever passes an invite on to somebody else breaks it. */
function contextOf(head: Uint8Array, { identity }: JoinRequest): BoxContext {
  return { info: Buffer.from(domain), additional: Buffer.concat([head, identity]) };
}

function partiesOf(inviter: Uint8Array, { identity, wireguardKey, hash }: JoinRequest): BundleParties {
  const text = (key: Uint8Array): string => Buffer.from(key).toString("base64url");
  return { inviter: text(inviter), identity: text(identity), wireguardKey: text(wireguardKey), request: hash };
}

/** A number far from any date shows as such. */
function timeText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}
