import { expect, test } from "vitest";
import { findMember, hasLeft, networkLog, revokeMember, sayLeave } from "../../../src/daemon/mesh/mesh-exits.ts";
import { digestOf, lackingFrom, shortId } from "../../../src/trust/membership/exchange.ts";
import { requestWords } from "../../../src/trust/membership/fingerprint.ts";
import { decodeJoinRequest } from "../../../src/trust/membership/join-request.ts";
import { admit, machine, tell, type Machine } from "./kit.ts";

const namesIn = ({ book }: Machine): readonly string[] => book.membership.members.map(({ name }) => name).toSorted();

test("one founds, invites one who invites another, and all three agree", async () => {
  const [alice, bob, carol] = [machine("alice"), machine("bob"), machine("carol")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  const ip = await admit(alice, bob);
  expect(bob.book.own).toMatchObject({ name: "bob", ip });
  await admit(bob, carol, "caroline");
  tell(carol, alice);
  for (const each of [alice, bob, carol]) expect(namesIn(each)).toEqual(["alice", "bob", "caroline"]);
  expect(carol.book.ring.claim).toEqual(alice.book.ring.claim);
  const log = networkLog(alice.book).map(({ kind, by, subject, depth }) => [kind, by, subject, depth]);
  expect(log).toEqual([
    ["Genesis", "alice", "alice", 0],
    ["Admit", "alice", "bob", 1],
    ["Admit", "bob", "caroline", 2],
  ]);
});

test("both screens show the same words, over the request and then over the inviter too", async () => {
  const [alice, bob] = [machine("alice"), machine("bob")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  const asked = bob.invites.request({});
  expect(alice.invites.preview({ request: asked.request }).fingerprint).toEqual(asked.fingerprint);
  expect(requestWords(decodeJoinRequest(asked.request))).toEqual(asked.fingerprint);
  const invite = await alice.invites.invite({ request: asked.request });
  const seen = await bob.invites.inspect({ bundle: invite.bundle });
  expect(seen).toMatchObject({
    networkName: "homelab",
    name: "bob",
    invitedBy: "alice",
    assignedIp: invite.assignedIp,
  });
  expect(seen.confirmation).toEqual(invite.confirmation);
});

test("H-10: asking twice gives one request, inviting it twice one Admit; nobody else can use the invite", async () => {
  const [alice, bob, eve] = [machine("alice"), machine("bob"), machine("eve")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  const { request } = bob.invites.request({});
  expect(bob.invites.request({}).request).toBe(request);
  const [first, second] = [await alice.invites.invite({ request }), await alice.invites.invite({ request })];
  expect(second.assignedIp).toBe(first.assignedIp);
  eve.invites.request({});
  await expect(eve.invites.join({ bundle: first.bundle })).rejects.toMatchObject({ code: "InviteRejected" });
  await bob.invites.join({ bundle: second.bundle });
  tell(bob, alice);
  expect(namesIn(alice)).toEqual(["alice", "bob"]);
});

test("a machine that asks anew, or that came and went, leaves its name free for itself and its successor", async () => {
  const [alice, bob, next] = [machine("alice"), machine("bob"), machine("bob")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  const first = await alice.invites.invite({ request: bob.invites.request({}).request });
  const { request } = bob.invites.request({ renew: true });
  const second = await alice.invites.invite({ request });
  expect(second.name).toBe("bob");
  await expect(bob.invites.join({ bundle: first.bundle })).rejects.toMatchObject({ code: "InviteRejected" });
  await bob.invites.join({ bundle: second.bundle });
  tell(bob, alice);
  sayLeave(bob.book);
  tell(bob, alice);
  expect(await admit(alice, next)).toBe(next.book.own?.ip);
  expect(namesIn(alice)).toEqual(["alice", "bob"]);
});

test("H-12: two invites on their way get two addresses, and a name that is promised is taken", async () => {
  const [alice, bob, other] = [machine("alice"), machine("bob"), machine("bob")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/29" });
  const first = await alice.invites.invite({ request: bob.invites.request({}).request });
  const { request } = other.invites.request({});
  await expect(alice.invites.invite({ request })).rejects.toThrow("the name bob is taken");
  const second = await alice.invites.invite({ request, name: "bobby" });
  expect(second.assignedIp).not.toBe(first.assignedIp);
  expect(alice.invites.expected().map(({ name }) => name)).toEqual(["bob", "bobby"]);
});

test("H-16: who is in a network neither founds nor asks nor joins; the one-time key is gone after joining", async () => {
  const [alice, bob] = [machine("alice"), machine("bob")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  expect(() => alice.invites.found({ name: "other", cidr: "10.78.0.0/16" })).toThrow("in the network homelab");
  const { request } = bob.invites.request({});
  const { bundle } = await alice.invites.invite({ request });
  await bob.invites.join({ bundle });
  expect(() => bob.invites.request({})).toThrow("in the network homelab");
  await expect(bob.invites.inspect({ bundle })).rejects.toMatchObject({ code: "NotFound" });
});

test("a book survives a restart; numbers of statements are never used twice", async () => {
  const [alice, bob, carol] = [machine("alice"), machine("bob"), machine("carol")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  await alice.invites.invite({ request: bob.invites.request({}).request });
  const again = alice.reopen();
  expect(again.network).toEqual(alice.book.network);
  expect(again.content?.lastSequence).toBe(1);
  await admit(alice, carol);
  expect(alice.book.own?.sequence).toBe(2);
});

test("revoked: out for ever on every machine that hears of it, with a new secret; later invitees fall, earlier ones stay", async () => {
  const [alice, bob, carol, dan] = [machine("alice"), machine("bob"), machine("carol"), machine("dan")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  await admit(alice, bob);
  await admit(bob, carol);
  tell(carol, alice);
  const before = alice.book.epoch;
  expect(revokeMember(alice.book, "bob")).toMatchObject({ name: "bob", alsoOut: [] });
  await admit(bob, dan);
  tell(dan, alice);
  expect(namesIn(alice)).toEqual(["alice", "carol"]);
  expect(alice.book.isOut(bob.book.node)).toBe(true);
  expect(alice.book.epoch?.number).toBe((before?.number ?? 0) + 1);
  tell(alice, carol);
  expect(namesIn(carol)).toEqual(["alice", "carol"]);
  tell(alice, bob);
  expect(bob.book.own).toBeUndefined();
  expect(() => findMember(alice.book, bob.book.node)).toThrow("is out already (Revoked)");
});

test("only who is above may revoke, nobody itself; a try costs no number", async () => {
  const [alice, bob, carol] = [machine("alice"), machine("bob"), machine("carol")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  await admit(alice, bob);
  await admit(alice, carol);
  tell(alice, bob);
  expect(() => revokeMember(bob.book, "carol")).toThrow("can be revoked by whoever invited it");
  expect(() => revokeMember(bob.book, "bob")).toThrow("this is the machine itself");
  expect(bob.book.content?.lastSequence ?? 0).toBe(0);
});

test("who leaves is out, and whom it invited stays", async () => {
  const [alice, bob, carol] = [machine("alice"), machine("bob"), machine("carol")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  await admit(alice, bob);
  await admit(bob, carol);
  tell(carol, alice);
  sayLeave(bob.book);
  tell(bob, alice);
  expect(namesIn(alice)).toEqual(["alice", "carol"]);
});

test("a leave that was cut off is known, by keys of now or of before", async () => {
  const [alice, bob, next] = [machine("alice"), machine("bob"), machine("bob")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  await admit(alice, bob);
  const wasBob = (node: string): boolean => node === bob.book.node;
  expect(hasLeft(bob.book, wasBob)).toBe(false);
  sayLeave(bob.book);
  expect(hasLeft(bob.book, () => false)).toBe(true);
  const { content } = bob.book;
  if (content === undefined) throw new Error("bob has no book");
  next.book.enter(content);
  expect(hasLeft(next.book, wasBob)).toBe(true);
  expect(hasLeft(next.book, () => false)).toBe(false);
  next.book.leave();
  expect(hasLeft(next.book, wasBob)).toBe(false);
  // Keys that came later and were put out: that is for their owner to see.
  tell(bob, alice);
  await admit(alice, next);
  revokeMember(alice.book, next.book.node);
  tell(alice, next);
  expect(next.book.own).toBe(undefined);
  expect(hasLeft(next.book, wasBob)).toBe(false);
});

test("members with the same statements have one digest; who lacks some is told which", async () => {
  const [alice, bob] = [machine("alice"), machine("bob")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  const before = alice.book.statements().map(({ id }) => id);
  await admit(alice, bob);
  const after = alice.book.statements().map(({ id }) => id);
  expect(digestOf(after)).toBe(digestOf(bob.book.statements().map(({ id }) => id)));
  expect(digestOf(before)).not.toBe(digestOf(after));
  expect(lackingFrom(before.map(shortId), after)).toHaveLength(1);
});
