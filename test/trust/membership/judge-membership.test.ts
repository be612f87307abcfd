import { expect, test } from "vitest";
import { judgeMembership, type Membership } from "../../../src/trust/membership/judge-membership.ts";
import { planCut } from "../../../src/trust/membership/plan-cut.ts";
import { genesisOf, idOf, machine, Signer, type Machine } from "./kit.ts";

const [ann, bob, cem, dia, eve, fay] = ["ann", "bob", "cem", "dia", "eve", "fay"].map(machine) as [
  ...[Machine, Machine, Machine],
  ...[Machine, Machine, Machine],
];
const genesis = genesisOf(ann);
const sign = new Signer(genesis.network);
const judge = (...statements: readonly Uint8Array[]): Membership =>
  judgeMembership(genesis.network, [genesis.bytes, ...statements]);
const names = ({ members }: Membership): string[] => members.map(({ name }) => name).toSorted();
const reasons = ({ refused }: Membership): string[] => refused.map(({ reason }) => reason);
const [annBob, bobCem, cemDia] = [sign.admit(ann, bob), sign.admit(bob, cem), sign.admit(cem, dia)];

test("a Genesis alone makes a network of its founder", () => {
  const [founder, ...others] = judge().members;
  expect(founder).toMatchObject({ identity: ann.identity, node: ann.node, name: "ann", ip: ann.ip, chain: [] });
  expect(others).toEqual([]);
});

test("a member knows its chain of inviters up to the founder, with the statements that prove it, and its last number", () => {
  const later = sign.admit(cem, eve, { seq: 7 });
  const { members } = judge(later, cemDia, bobCem, annBob);
  expect(members.find(({ name }) => name === "dia")).toMatchObject({
    chain: [ann.identity, bob.identity, cem.identity],
    proofs: [annBob, bobCem, cemDia].map(idOf),
    sequence: 0,
  });
  expect(members.find(({ name }) => name === "cem")?.sequence).toBe(7);
});

test("without the Genesis nobody is a member, whatever else is known", () => {
  expect(judgeMembership(genesis.network, [annBob, bobCem]).members).toEqual([]);
});

test("a second Genesis and all that hangs on it are refused", () => {
  const second = genesisOf(ann, { nonce: Buffer.alloc(32, 4).toString("base64url") });
  const membership = judge(annBob, second.bytes, new Signer(second.network).admit(ann, eve));
  expect(names(membership)).toEqual(["ann", "bob"]);
  expect(reasons(membership).toSorted()).toEqual(["belongs to another network", "is the Genesis of another network"]);
});

test.each([
  ["an Admit by a stranger", sign.admit(eve, fay), "its author is no member"],
  ["an Admit of oneself", sign.admit(eve, eve), "admits itself"],
  ["an Admit of oneself by a member", sign.admit(bob, bob), "admits itself"],
  ["a Rotate to oneself", sign.rotate(bob, bob), "rotates to itself"],
  ["an Admit of the founder", sign.admit(bob, ann), "names a key that has its place already"],
  ["an Admit nobody consented to", sign.offer(bob, cem), "lacks the consent of the key it names"],
  [
    "an address outside the network",
    sign.admit(bob, cem, { ip: "10.78.0.9" }),
    "its ip is outside the network 10.77.0.0/16",
  ],
  [
    "the broadcast address",
    sign.admit(bob, cem, { ip: "10.77.255.255" }),
    "its ip is no machine's address in 10.77.0.0/16",
  ],
  ["a Revoke by a stranger", sign.revoke(eve, bob), "its author was never a member"],
  ["a Leave by a stranger", sign.leave(eve), "its author was never a member"],
  [
    "a Revoke of one's inviter",
    sign.revoke(bob, ann),
    "its author neither founded the network nor invited whom it revokes",
  ],
])("G-05: %s is refused and changes nothing", (_, statement, reason) => {
  const membership = judge(annBob, statement);
  expect(names(membership)).toEqual(["ann", "bob"]);
  expect(membership.removed).toEqual([]);
  expect(reasons(membership)).toEqual([reason]);
});

test("G-06: a loop of Admits that hangs on nothing admits nobody, and one below the founder gives each its shorter chain", () => {
  const loop = [sign.admit(eve, fay), sign.admit(fay, eve)];
  expect(names(judge(...loop))).toEqual(["ann"]);
  const membership = judge(...loop, sign.admit(ann, eve));
  expect(membership.members.map(({ name, chain }) => `${name} ${chain.length}`).toSorted()).toEqual([
    "ann 0",
    "eve 1",
    "fay 2",
  ]);
  expect(reasons(membership)).toEqual(["names a key that has its place already"]);
});

test("G-06, H-13: the seventeenth Admit of a chain is refused", () => {
  const crew = [ann, ...Array.from({ length: 17 }, (_, index) => machine(`deep${index}`))];
  const admits = crew.slice(1).map((each, index) => sign.admit(crew[index] ?? ann, each));
  const membership = judge(...admits);
  expect(membership.members).toHaveLength(17);
  expect(reasons(membership)).toEqual(["would make a chain of more than 16"]);
});

test("G-06: the sixty-fifth Admit of one inviter is refused, by its number", () => {
  const admits = Array.from({ length: 65 }, (_, index) => sign.admit(ann, machine(`wide${index}`), { seq: index + 1 }));
  const membership = judge(...admits.toReversed());
  expect(membership.members).toHaveLength(65);
  expect(membership.refused).toEqual([
    { id: idOf(admits[64] ?? genesis.bytes), reason: "is beyond 64 of one inviter" },
  ]);
});

test("a key that rotates without end costs a chain of at most 64", () => {
  const keys = [ann, ...Array.from({ length: 80 }, (_, index) => machine(`turn${index}`))];
  const rotates = keys.slice(1).map((next, index) => sign.rotate(keys[index] ?? ann, next));
  const membership = judge(...rotates);
  expect(membership.members).toEqual([]);
  expect(reasons(membership)).toContain("would make a chain of more than 64 keys");
});

test("A7: a Revoke takes the revoked one and whom it invited after the last good number, and leaves the earlier ones", () => {
  const [early, late] = [sign.admit(bob, cem, { seq: 3 }), sign.admit(bob, eve, { seq: 4 })];
  const below = sign.admit(eve, fay);
  const all = [annBob, early, cemDia, late, below];
  const cut = planCut(genesis.network, bob.identity, all, 3);
  expect(cut).toEqual({ lastGoodSeq: 3, keeps: [idOf(early)] });
  const membership = judge(...all, sign.revoke(ann, bob, { seq: 9, ...cut }));
  expect(names(membership)).toEqual(["ann", "cem", "dia"]);
  expect(membership.removed).toEqual([{ identity: bob.identity, node: bob.node, how: "Revoked", by: ann.identity }]);
  expect(reasons(membership).toSorted()).toEqual(["comes after its author was cut off", "its author is no member"]);
});

test("A7: what a thief of a revoked key dates back below the last good number is worth nothing", () => {
  const early = sign.admit(bob, cem, { seq: 3 });
  const revoke = sign.revoke(ann, bob, { lastGoodSeq: 3, keeps: [idOf(early)] });
  const forged = [sign.admit(bob, eve, { seq: 2 }), sign.admit(bob, fay, { seq: 3 })];
  expect(names(judge(annBob, early, revoke, ...forged))).toEqual(["ann", "cem"]);
});

test("A7: what a Revoke lists but numbers as too late is worth nothing", () => {
  const late = sign.admit(bob, eve, { seq: 4 });
  expect(names(judge(annBob, late, sign.revoke(ann, bob, { lastGoodSeq: 3, keeps: [idOf(late)] })))).toEqual(["ann"]);
  expect(names(judge(annBob, late, sign.revoke(ann, bob, { lastGoodSeq: 4, keeps: [idOf(late)] })))).toEqual([
    "ann",
    "eve",
  ]);
});

test("G-14: a revoked key is not admitted again by anybody, not even by the founder, and does not come back by a Rotate", () => {
  const revoke = sign.revoke(ann, bob);
  const returns = [
    sign.admit(ann, bob, { seq: 50 }),
    sign.admit(dia, bob),
    sign.rotate(bob, eve),
    sign.rotate(dia, bob),
  ];
  const membership = judge(annBob, sign.admit(ann, dia, { seq: 2 }), revoke, ...returns);
  expect(names(membership)).toEqual(["ann"]); // dia rotated herself away
  expect(membership.removed.map(({ how }) => how).toSorted()).toEqual(["Revoked", "Rotated"]);
});

test("an inviter's inviter can revoke, a sibling cannot", () => {
  const crew = [annBob, bobCem, cemDia, sign.admit(ann, eve, { seq: 2 })];
  expect(names(judge(...crew, sign.revoke(bob, dia, { seq: 2 })))).toEqual(["ann", "bob", "cem", "eve"]);
  expect(names(judge(...crew, sign.revoke(eve, dia)))).toEqual(["ann", "bob", "cem", "dia", "eve"]);
});

test("nobody becomes somebody's inviter without its consent, so a member cannot expel whom it did not invite", () => {
  const stolen = sign.offer(eve, cem);
  const crew = [annBob, bobCem, sign.admit(ann, eve, { seq: 2 })];
  expect(names(judge(...crew, stolen, sign.revoke(eve, cem, { seq: 2 })))).toEqual(["ann", "bob", "cem", "eve"]);
});

test("a Revoke counts for ever, also when its author is revoked later by somebody who never heard of it", () => {
  const membership = judge(annBob, bobCem, sign.revoke(bob, cem, { seq: 2 }), sign.revoke(ann, bob));
  expect(names(membership)).toEqual(["ann"]);
  expect(membership.removed).toHaveLength(2);
});

test("a member who leaves is out, and those it invited stay", () => {
  const leave = sign.leave(bob, { seq: 2, ...planCut(genesis.network, bob.identity, [annBob, bobCem]) });
  const membership = judge(annBob, bobCem, leave, sign.admit(bob, eve, { seq: 3 }));
  expect(names(membership)).toEqual(["ann", "cem"]);
  expect(membership.removed).toMatchObject([{ identity: bob.identity, how: "Left" }]);
});

test("a new key takes the place of the old one, with its name, address and invitees, and may revoke them", () => {
  const cut = planCut(genesis.network, bob.identity, [bobCem]);
  const rotate = sign.rotate(bob, eve, { seq: 2, ...cut });
  const membership = judge(annBob, bobCem, rotate, sign.admit(bob, fay, { seq: 3 }));
  expect(names(membership)).toEqual(["ann", "bob", "cem"]);
  expect(membership.members.find(({ name }) => name === "bob")).toMatchObject({
    ...{ identity: eve.identity, ip: bob.ip, wireguardKey: eve.wireguardKey },
    chain: [ann.identity, bob.identity],
  });
  expect(names(judge(annBob, bobCem, rotate, sign.revoke(eve, cem)))).toEqual(["ann", "bob"]);
});

test("two Rotates of one key are a theft: neither counts until somebody above says which", () => {
  const [honest, theft] = [sign.rotate(bob, eve, { seq: 2 }), sign.rotate(bob, fay, { seq: 2 })];
  const contested = judge(annBob, honest, theft);
  expect(names(contested)).toEqual(["ann"]);
  expect(contested.contradictions).toEqual([
    { issuer: bob.identity, seq: 2, ids: [honest, theft].map(idOf).toSorted() },
  ]);
  const settled = judge(annBob, honest, theft, sign.revoke(ann, bob, { lastGoodSeq: 2, keeps: [idOf(honest)] }));
  expect(settled.members.map(({ identity }) => identity).toSorted()).toEqual([ann.identity, eve.identity].toSorted());
});

test("G-07, H-12: of two with one name, address or tunnel key the one nearer to the founder keeps it", () => {
  const want = { name: "bob", ip: bob.ip, wireguardKey: bob.wireguardKey };
  const { members } = judge(annBob, bobCem, sign.admit(cem, eve, { ...want, seq: 2 }));
  expect(members.find(({ identity }) => identity === bob.identity)).toMatchObject({ name: "bob", lost: [] });
  expect(members.find(({ identity }) => identity === eve.identity)).toMatchObject({
    ...{ name: `bob-${eve.node.slice(0, 4)}`, lost: ["ip", "wireguardKey"] },
  });
});

test("G-07: a member that calls itself what another would be renamed to does not get two of one name", () => {
  const renamed = `bob-${eve.node.slice(0, 4)}`;
  const squatter = sign.admit(ann, dia, { seq: 2, name: renamed });
  const membership = judge(annBob, squatter, bobCem, sign.admit(cem, eve, { seq: 2, name: "bob" }));
  expect(names(membership)).toEqual(["ann", "bob", renamed, `bob-${eve.node.slice(0, 5)}`, "cem"].toSorted());
});

test("of two Admits of one key at one depth the one with the smaller id counts", () => {
  const inviters = [annBob, sign.admit(ann, cem, { seq: 2 })];
  for (const joiner of Array.from({ length: 10 }, (_, index) => machine(`twice${index}`))) {
    const [byBob, byCem] = [sign.admit(bob, joiner), sign.admit(cem, joiner)];
    const member = judge(...inviters, byBob, byCem).members.find(({ identity }) => identity === joiner.identity);
    expect(member?.chain.at(-1)).toBe(idOf(byBob) < idOf(byCem) ? bob.identity : cem.identity);
  }
});

test("the founder can revoke a key before anybody admits it", () => {
  expect(judge(sign.revoke(ann, bob)).removed).toMatchObject([{ identity: bob.identity, how: "Revoked" }]);
  expect(names(judge(sign.revoke(ann, bob), annBob, bobCem))).toEqual(["ann"]);
});

test("G-13: a Revoke that one peer hides comes back with the statements of any other", () => {
  const [hiding, telling] = [[annBob, bobCem], [sign.revoke(ann, bob)]];
  expect(names(judge(...hiding))).toContain("bob");
  expect(names(judge(...hiding, ...telling))).toEqual(["ann"]);
});

test("H-10: the same Admit heard twice, or with another valid signature, is one", () => {
  const again = sign.admit(ann, bob);
  const membership = judge(annBob, Buffer.from(annBob), again);
  expect(names(membership)).toEqual(["ann", "bob"]);
  expect(membership.refused).toEqual([]);
});
