import { expect, test } from "vitest";
import { revokeMember } from "../../../src/daemon/mesh/mesh-exits.ts";
import { encodeWords } from "../../../src/trust/membership/exchange.ts";
import { admit, machine, tell, type Machine } from "./kit.ts";
import { connect, Talker } from "./talker.ts";

const crew = async (): Promise<readonly [Machine, Machine, Machine]> => {
  const [alice, bob, carol] = [machine("alice"), machine("bob"), machine("carol")];
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  await admit(alice, bob);
  await admit(alice, carol);
  return [alice, bob, carol];
};

test("H-11: whoever was never heard of shows its statements and is in, while its inviter is away", async () => {
  const [, bob, carol] = await crew();
  const [one, other] = [new Talker(bob), new Talker(carol)];
  expect(one.names).not.toContain("carol");
  connect(one, other);
  await expect.poll(() => one.names).toEqual(["alice", "bob", "carol"]);
  await expect.poll(() => other.names).toEqual(["alice", "bob", "carol"]);
});

test("a statement goes on over every link at once", async () => {
  const [alice, bob, carol] = await crew();
  tell(alice, bob);
  tell(alice, carol);
  const [one, middle, far] = [new Talker(alice), new Talker(bob), new Talker(carol)];
  connect(one, middle);
  connect(middle, far);
  const dan = machine("dan");
  await admit(alice, dan);
  await expect.poll(() => far.names).toContain("dan");
});

test("G-13: a Revoke that one member hides comes from any other, and the newest secret with it", async () => {
  const [alice, bob, carol] = await crew();
  tell(alice, bob);
  tell(alice, carol);
  revokeMember(alice.book, "carol");
  const dan = machine("dan");
  await admit(alice, dan);
  const [one, other] = [new Talker(dan), new Talker(bob)];
  const [, link] = connect(other, one);
  expect(other.names).toContain("carol");
  one.who.book.add(alice.book.statements().map(({ bytes }) => bytes));
  one.exchange.linked(link);
  await expect.poll(() => other.names).toEqual(["alice", "bob", "dan"]);
  await expect.poll(() => bob.book.epoch?.secret).toBe(alice.book.epoch?.secret);
});

test("G-14: a revoked machine that shows its old statements stays out", async () => {
  const [alice, bob, carol] = await crew();
  tell(alice, bob);
  tell(alice, carol);
  revokeMember(alice.book, "carol");
  tell(alice, bob);
  const [one, other] = [new Talker(bob), new Talker(carol)];
  connect(one, other);
  await new Promise((resolve) => setImmediate(resolve));
  expect(one.names).toEqual(["alice", "bob"]);
  expect(bob.book.isOut(carol.book.node)).toBe(true);
});

test("a stranger's statements that make it no member are not kept", async () => {
  const [alice] = await crew();
  const eve = machine("eve");
  eve.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  const [one, other] = [new Talker(alice), new Talker(eve)];
  const [, link] = connect(one, other);
  const before = alice.book.statements().length;
  const foreign = eve.book.statements().map(({ bytes }) => bytes);
  for (const word of encodeWords({ kind: "statements", statements: foreign })) link.membership(word);
  for (const word of encodeWords({ kind: "secret", number: 9, secret: "mine" })) link.membership(word);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(alice.book.statements()).toHaveLength(before);
  expect(alice.book.epoch?.number).toBe(0);
});

test("G-12: who sends more statements than anybody has is not listened to any longer", async () => {
  const [alice, bob] = await crew();
  tell(alice, bob);
  const [one, other] = [new Talker(alice), new Talker(bob)];
  const [, link] = connect(one, other);
  const [known = new Uint8Array(1)] = alice.book.statements().map(({ bytes }) => bytes);
  const many = Array.from({ length: 2_500 }, () => known);
  for (const word of encodeWords({ kind: "statements", statements: many })) link.membership(word);
  await expect.poll(() => one.warnings).toContain("a member sends more statements than anybody has");
});
