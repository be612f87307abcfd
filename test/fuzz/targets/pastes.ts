import { decodeBundle, type BundleReader } from "../../../src/trust/membership/bundle.ts";
import { readContents, type BundleContents } from "../../../src/trust/membership/bundle-fields.ts";
import { decodeJoinRequest } from "../../../src/trust/membership/join-request.ts";
import { signBytes } from "../../../src/trust/membership/keys.ts";
import { maxChain } from "../../../src/trust/membership/place-members.ts";
import { decodeStrictJson } from "../../../src/trust/strict-json.ts";
import { golden1 } from "../../trust/membership/golden.ts";
import { bob, bodyOf, contentsFor, eve, mal, nowMs, pasteOf } from "../../trust/membership/invite-kit.ts";
import { cidr } from "../../trust/membership/kit.ts";
import type { Dice } from "../dice.ts";
import {
  dnsLabel,
  jsonMutants,
  must,
  mustBeSayable,
  mutants,
  refusable,
  type FuzzTarget,
  type Source,
} from "../target.ts";

const signatureBytes = 64;
const request = decodeJoinRequest(golden1.request);

/** Bodies with changes, in a paste whose length and sum are right, and signed by its author where the dice say so. */
function pasted(prefix: string, good: readonly string[], sign: (body: Buffer, dice: Dice) => Uint8Array): Source {
  const bodies = mutants(good.map(bodyOf));
  return (dice) => {
    const body = Buffer.from(bodies(dice)).subarray(0, 16_384);
    return Buffer.from(pasteOf(prefix, dice.chance(75) ? sign(body, dice) : body));
  };
}

/** What chats make of a text: breaks, spaces and now and then another character. */
function chatted(text: string): Source {
  return (dice) => {
    let chat = text;
    for (let count = dice.size(5); count > 0; count -= 1) {
      const at = dice.below(chat.length + 1);
      chat =
        chat.slice(0, at) +
        dice.pick(["\n", " ", "\r\n", "\t", " ", "\n", '"', "\u200b", "\u2019", ">"]) +
        chat.slice(at);
    }
    return Buffer.from(chat);
  };
}

function signRequest(body: Buffer): Uint8Array {
  const signed = body.subarray(0, -signatureBytes);
  return Buffer.concat([signed, signBytes(eve.identityKey, "homie/join-request/1", signed)]);
}

/** By the inviter itself, or by somebody who puts its own key there. */
function signBundle(body: Buffer, dice: Dice): Uint8Array {
  const signed = Buffer.from(body.subarray(0, -signatureBytes));
  const author = dice.chance(50) ? bob : mal;
  if (author === mal && signed.length > 33) signed.set(mal.raw, 1);
  return Buffer.concat([signed, signBytes(author.identityKey, "homie/bundle/1", signed)]);
}

export function joinRequestTarget(): FuzzTarget {
  const texts = [Buffer.from(golden1.request)];
  return {
    name: "join-request",
    share: 20,
    sources: [chatted(golden1.request), mutants(texts), pasted("hj1_", [golden1.request], signRequest)],
    check: (input) =>
      refusable(["InviteRejected"], () => {
        const read = decodeJoinRequest(Buffer.from(input).toString());
        must(dnsLabel.test(read.name), "a name that is no DNS label");
        const keys = [read.identity, read.wireguardKey, read.oneTimeKey];
        must(
          keys.every(({ length }) => length === 32),
          "a key of another length",
        );
        must(/^[A-Za-z0-9_-]{43}$/.test(read.hash), "a hash of another form");
      }),
  };
}

export function bundleTarget(): FuzzTarget {
  const texts = [Buffer.from(golden1.invite)];
  const reader: BundleReader = { request, oneTimeKey: golden1.oneTimeKey, nowMs };
  return {
    name: "bundle",
    share: 20,
    sources: [chatted(golden1.invite), mutants(texts), pasted("hm1_", [golden1.invite], signBundle)],
    check: (input) =>
      refusable(["InviteRejected"], async () => {
        const { name, inviter } = await decodeBundle(Buffer.from(input).toString(), reader);
        // Nobody but the one who sealed it can make another one that opens.
        const packed = Buffer.from(input)
          .toString()
          .replaceAll(/[ \t\r\n]/g, "");
        must(packed === golden1.invite, "an altered invite was opened");
        must(name === "eve" && bob.raw.equals(inviter), "an invite says something else than it did");
      }),
  };
}

/** What a malicious inviter can put into an invite that opens. */
export function bundleContentsTarget(): FuzzTarget {
  const contents = contentsFor(request);
  const text = Buffer.from(JSON.stringify(contents));
  const hash = request.hash;
  const parties = { inviter: bob.identity, identity: eve.identity, wireguardKey: eve.wireguardKey, request: hash };
  return {
    name: "bundle-contents",
    share: 8,
    sources: [jsonMutants([contents]), mutants([text])],
    check(input) {
      const read = readContents(decodeStrictJson(input, { maxBytes: 16_384, maxDepth: 4 }), parties);
      if (typeof read === "string") {
        mustBeSayable(read);
        return "refused";
      }
      mustHold(read.contents);
      must(dnsLabel.test(read.name), "a name that is no DNS label");
      return "accepted";
    },
  };
}

function mustHold({ peers, assigned_ip, chain, expires_at, issued_at, group_secret }: BundleContents): void {
  const addresses = [assigned_ip, ...peers.map(({ ip }) => ip)];
  must(new Set(addresses).size === addresses.length, "one address twice");
  must(
    addresses.every((ip) => ip.startsWith(cidr.split(".", 2).join("."))),
    "an address outside the network",
  );
  must(
    peers.every(({ name }) => dnsLabel.test(name)),
    "a peer whose name is no DNS label",
  );
  must(peers.length <= 256 && chain.length <= maxChain, "more than an invite may hold");
  must(!/[\u0000-\u001f]/.test(group_secret), "a secret with control characters");
  must(expires_at > issued_at, "an invite that expires before it was made");
}
