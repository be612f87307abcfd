import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { decodeBundle } from "../../../src/trust/membership/bundle.ts";
import { fingerprintWords } from "../../../src/trust/membership/fingerprint.ts";
import { decodeJoinRequest } from "../../../src/trust/membership/join-request.ts";
import { bob, eve, inviteEve, nowMs, requestOf } from "./invite-kit.ts";
import { zeros } from "./kit.ts";

const seeded = (seed: string): Buffer => createHash("sha256").update(seed).digest();

test("the inviter, from the request it was sent, and the joiner, from the invite it got, see the same six words", async () => {
  const pending = requestOf(eve);
  const atInviter = fingerprintWords(decodeJoinRequest(pending.text), bob.raw);
  const { inviter } = await decodeBundle(await inviteEve(pending.request), { ...pending, nowMs });
  expect(fingerprintWords(pending.request, inviter)).toEqual(atInviter);
  expect(atInviter).toHaveLength(6);
  for (const word of atInviter) expect(word).toMatch(/^[a-z]{3,8}$/);
});

test("A3b: one changed bit in the request or in the inviter's key changes a word, in 1,000 of 1,000 cases", () => {
  for (let round = 0; round < 1_000; round++) {
    const [hash, inviter] = [seeded(`request ${round}`), seeded(`inviter ${round}`)];
    const victim = round % 2 === 0 ? hash : inviter;
    const before = fingerprintWords({ hash: hash.toString("base64url") }, inviter);
    victim.writeUInt8(victim.readUInt8(round % 32) ^ (1 << (round % 8)), round % 32);
    expect(fingerprintWords({ hash: hash.toString("base64url") }, inviter)).not.toEqual(before);
  }
});

test("A3b: two requests of one machine differ in their words, so a swapped one-time key shows", () => {
  const words = [requestOf(eve), requestOf(eve)].map(({ request }) => fingerprintWords(request, bob.raw).join(" "));
  expect(words[0]).not.toBe(words[1]);
});

test("the words never change: a golden value", () => {
  expect(fingerprintWords({ hash: zeros }, bob.raw).join(" ")).toMatchInlineSnapshot(
    `"enroll buddy comfort buzz secret blind"`,
  );
});
