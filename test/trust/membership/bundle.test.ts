import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBundle, sealBundle, type BundleReader } from "../../../src/trust/membership/bundle.ts";
import type { BundleContents } from "../../../src/trust/membership/bundle-fields.ts";
import { judgeMembership } from "../../../src/trust/membership/judge-membership.ts";
import { signBytes } from "../../../src/trust/membership/keys.ts";
import { consentTo } from "../../../src/trust/membership/statement.ts";
import {
  ann,
  annBob,
  bob,
  bodyOf,
  contentsFor,
  eve,
  genesis,
  inviteEve,
  mal,
  nothingKept,
  nowMs,
} from "./invite-kit.ts";
import { forge, pasteOf, refusalOf, requestOf, sign, text64 } from "./invite-kit.ts";
import { bitsOf, flip, genesisOf, machine, Signer, type Machine } from "./kit.ts";

const pending = requestOf(eve);
const reader: BundleReader = { ...pending, nowMs };
const invite = await inviteEve(pending.request);
const body = bodyOf(invite);
const day = 24 * 3_600_000;

const problemOf = (text: string, changes: Partial<BundleReader> = {}): Promise<string> =>
  refusalOf(text, { ...reader, ...changes });

test("an invite opens to all that a machine needs to join, and its consented Admit makes it a member everywhere", async () => {
  const { contents, network, name, inviter } = await decodeBundle(invite, reader);
  expect(contents).toEqual(contentsFor(pending.request, { admit: contents.admit }));
  expect({ network, name }).toEqual({ network: genesis.network, name: "eve" });
  expect(Buffer.from(inviter)).toEqual(bob.raw);
  const admit = consentTo(Buffer.from(contents.admit, "base64url"), eve.identityKey);
  const { members } = judgeMembership(network, [genesis.bytes, annBob, admit]);
  expect(members.find(({ identity }) => identity === eve.identity)).toMatchObject({
    ...{ name: "eve", ip: contents.assigned_ip, wireguardKey: eve.wireguardKey, chain: [ann.identity, bob.identity] },
  });
});

test("A3: an invite shows nothing of the network to who has no one-time key", () => {
  for (const word of ["crew", "correct horse", "192.0.2.7", ann.ip, ann.identity, text64(genesis.bytes).slice(0, 40)]) {
    expect(body.includes(word)).toBe(false);
  }
  expect(body.includes(ann.raw)).toBe(false);
});

test("H-04: every single bit of an invite flipped is refused: as mistyped, and with a mended checksum before it is opened", async () => {
  const framed = Buffer.from(invite.slice(4), "base64url");
  for (const bit of bitsOf(framed)) {
    const problem = await problemOf(`hm1_${flip(framed, bit).toString("base64url")}`);
    expect(problem).toMatch(/wrong character|was cut|too many/);
  }
  const messages = new Set<string>();
  for (const bit of bitsOf(body)) messages.add(await problemOf(pasteOf("hm1_", flip(body, bit))));
  expect([...messages].toSorted()).toEqual([
    "the invite is forged: its signature is wrong",
    "the invite was made by another homie",
  ]);
}, 60_000);

test("H-04: bits of the sealed part flipped by the inviter itself (all of its key, each seventh of the rest) are refused without saying where", async () => {
  const messages = new Set<string>();
  for (const bit of bitsOf(body.subarray(65, -64)).filter((each) => each < 256 || each % 7 === 0)) {
    const altered = flip(body.subarray(0, -64), 65 * 8 + bit);
    messages.add(
      await problemOf(pasteOf("hm1_", Buffer.concat([altered, signBytes(bob.identityKey, "homie/bundle/1", altered)]))),
    );
  }
  expect([...messages]).toEqual(["the invite cannot be opened with this machine's key"]);
}, 60_000);

test("H-06: an invite for another machine, or for an older request of this one, is refused before it is opened", async () => {
  const problem = "the invite is not for this machine, or for an older join request of it";
  expect(await problemOf(invite, requestOf(mal))).toBe(problem);
  expect(await problemOf(invite, requestOf(eve))).toBe(problem);
});

test("H-06: the right request with another one-time key opens nothing", async () => {
  const { oneTimeKey } = requestOf(eve);
  expect(await problemOf(invite, { oneTimeKey })).toBe("the invite cannot be opened with this machine's key");
});

test("H-07: another member's key, another's signature, or none, is refused as forged", async () => {
  const forged = "the invite is forged: its signature is wrong";
  const swapped = Buffer.from(body);
  swapped.set(mal.raw, 1);
  expect(await problemOf(pasteOf("hm1_", swapped))).toBe(forged);
  const unsigned = body.subarray(0, -64);
  const other = signBytes(mal.identityKey, "homie/bundle/1", unsigned);
  expect(await problemOf(pasteOf("hm1_", Buffer.concat([unsigned, other])))).toBe(forged);
  expect(await problemOf(pasteOf("hm1_", Buffer.concat([unsigned, Buffer.alloc(64)])))).toBe(forged);
});

test("H-07: a sealed part taken over and signed by somebody else does not open", async () => {
  const taken = Buffer.from(body.subarray(0, -64));
  taken.set(mal.raw, 1);
  const signature = signBytes(mal.identityKey, "homie/bundle/1", taken);
  const problem = await problemOf(pasteOf("hm1_", Buffer.concat([taken, signature])));
  expect(problem).toBe("the invite cannot be opened with this machine's key");
});

test.each([
  [
    "a stranger to the network",
    contentsFor(pending.request, { invited_by: mal.node }),
    mal,
    /admit has another issuer/,
  ],
  ["an inviter without proof", contentsFor(pending.request, { chain: [] }), bob, /chain does not prove who signed it/],
  [
    "H-08: an inviter who was revoked",
    contentsFor(pending.request, { chain: [annBob, sign.revoke(ann, bob)].map(text64) }),
    ...[bob, /chain does not prove who signed it/],
  ],
])("an invite by %s is refused", async (_, contents, by, problem) => {
  expect(await problemOf(await forge(contents, pending.request, by as Machine))).toMatch(problem as RegExp);
});

test("H-08: what a revoked inviter signed after the cut admits nobody, though its invite opens", async () => {
  const { contents } = await decodeBundle(invite, reader);
  const admit = consentTo(Buffer.from(contents.admit, "base64url"), eve.identityKey);
  const all = [genesis.bytes, annBob, admit, sign.revoke(ann, bob, nothingKept)];
  expect(judgeMembership(genesis.network, all).members.map(({ name }) => name)).toEqual(["ann"]);
});

test("H-09: an invite is good until it expires, give or take ten minutes, and the clock is named when it is not", async () => {
  const minutes = 60_000;
  for (const at of [nowMs - 10 * minutes, nowMs, nowMs + day, nowMs + day + 10 * minutes]) {
    expect(await problemOf(invite, { nowMs: at })).toBe("none");
  }
  expect(await problemOf(invite, { nowMs: nowMs + day + 11 * minutes })).toBe(
    "the invite expired at 2027-01-16T08:00:00.000Z; the clock of this machine says 2027-01-16T08:11:00.000Z",
  );
  expect(await problemOf(invite, { nowMs: nowMs - day })).toBe(
    "the invite is from 2027-01-15T08:00:00.000Z, and the clock of this machine says 2027-01-14T08:00:00.000Z",
  );
  expect(await problemOf(invite, { nowMs: Number.MAX_SAFE_INTEGER })).toMatch(/expired/);
});

test("H-10: the same machine can open its invite twice", async () => {
  expect(await decodeBundle(invite, reader)).toEqual(await decodeBundle(invite, reader));
});

test("H-11: of a hundred machines that try one invite exactly the one it names can be admitted by it", async () => {
  const { contents } = await decodeBundle(invite, reader);
  const offer = Buffer.from(contents.admit, "base64url");
  const tries = Array.from({ length: 100 }, (_, index) => consentTo(offer, machine(`thief${index}`).identityKey));
  const all = [genesis.bytes, annBob, ...tries, consentTo(offer, eve.identityKey)];
  const { members } = judgeMembership(genesis.network, all);
  expect(members.map(({ name }) => name).toSorted()).toEqual(["ann", "bob", "eve"]);
});

const foreign = genesisOf(mal, { networkName: "crew" });
test("H-12: what a joiner would refuse is refused already when it is made", async () => {
  const bad = contentsFor(pending.request, { assigned_ip: ann.ip }, { ip: ann.ip });
  await expect(sealBundle(bad, pending.request, bob.identityKey)).rejects.toMatchObject({
    ...{ code: "InviteRejected", message: "the invite cannot be made: assigned_ip is in use" },
  });
});

test("H-13: an invite that would not fit into 16 KiB is not made", async () => {
  const crowd = Array.from({ length: 200 }, (_, index) => machine(`crowd${index}`));
  const peers = crowd.map(({ identity, wireguardKey, name }, index): BundleContents["peers"][number] => ({
    ...{ public_key: identity, wireguard_key: wireguardKey, ip: `10.77.200.${index + 1}`, endpoints: [], name },
  }));
  await expect(inviteEve(pending.request, { peers })).rejects.toThrow(/would be [0-9]+ bytes, more than 16384/);
});

test("H-16: a machine that is in another network is told which, and one that is in this network is not stopped", async () => {
  const other = { network: foreign.network, networkName: "crew" };
  expect(await problemOf(invite, { joined: other })).toBe(
    `the invite is for the network crew (${genesis.network.slice(0, 12)}), and this machine is in crew (${foreign.network.slice(0, 12)})`,
  );
  expect(await problemOf(invite, { joined: { network: genesis.network, networkName: "crew" } })).toBe("none");
});

test("a founder invites without a chain", async () => {
  const admit = text64(new Signer(genesis.network).offer(ann, eve, { request: pending.request.hash }));
  const contents = contentsFor(pending.request, { chain: [], admit, invited_by: ann.node });
  expect(await problemOf(await sealBundle(contents, pending.request, ann.identityKey))).toBe("none");
});

test("no bytes in a sound paste, signed or not, make the reader fail with anything but InviteRejected", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      expect(await problemOf(pasteOf("hm1_", bytes))).not.toBe("none");
      const signed = Buffer.concat([body.subarray(0, 65), bytes]);
      const whole = Buffer.concat([signed, signBytes(bob.identityKey, "homie/bundle/1", signed)]);
      expect(await problemOf(pasteOf("hm1_", whole))).not.toBe("none");
    }),
    { numRuns: 300 },
  );
}, 60_000);
