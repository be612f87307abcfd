import { expect, test } from "vitest";
import { revokeMember } from "../../../src/daemon/mesh/mesh-exits.ts";
import { encodeWords } from "../../../src/trust/membership/exchange.ts";
import { consentTo } from "../../../src/trust/membership/statement.ts";
import { admit, machine, tell, type Machine } from "./kit.ts";
import { connect, Talker } from "./talker.ts";

/** alice has founded and let in the others, and all know all. */
async function crewOf(...names: readonly string[]): Promise<readonly [Machine, Machine, Machine, Machine]> {
  const alice = machine("alice");
  const others = names.map((name) => machine(name));
  alice.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  for (const other of others) await admit(alice, other);
  for (const other of others) tell(alice, other);
  return [alice, ...others] as never;
}

const stateOf = ({ book }: Machine): unknown => ({
  ...{ membership: book.membership, epoch: book.epoch, earlier: book.content?.earlier },
  statements: book.statements().map(({ id }) => id),
});
const statementsOf = ({ book }: Machine): readonly Uint8Array[] => book.statements().map(({ bytes }) => bytes);
/** All that is on its way has come. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

test("H-11: of a hundred machines that redeem one invite at three members at once one is in, and the others are told why not", async () => {
  const members = await crewOf("bob", "carol");
  const [alice] = members;
  const eve = machine("eve");
  const { bundle } = await alice.invites.invite({ request: eve.invites.request({}).request });
  const offer = Buffer.from(alice.book.content?.pending?.[0] ?? "", "base64url");
  const thieves = Array.from({ length: 99 }, (_, index) => machine(`thief${index}`));
  for (const thief of thieves) {
    thief.invites.request({});
    await expect(thief.invites.join({ bundle })).rejects.toThrow("is not for this machine");
  }
  const doors = members.map((member) => new Talker(member));
  await eve.invites.join({ bundle });
  const guest = new Talker(eve);
  for (const thief of thieves) {
    // Its program does not ask whether the invite is its own.
    const forged = consentTo(offer, thief.book.identity.identityKey);
    const talker = new Talker(thief);
    for (const door of doors) {
      const [, link] = connect(door, talker);
      for (const word of encodeWords({ kind: "statements", statements: [...statementsOf(alice), forged] }))
        link.membership(word);
    }
  }
  for (const door of doors) connect(door, guest);
  for (const door of doors) await expect.poll(() => door.names).toEqual(["alice", "bob", "carol", "eve"]);
  await settled();
  for (const door of doors) expect(door.names).toEqual(["alice", "bob", "carol", "eve"]);
}, 60_000);

test("H-08, G-05: whom a revoked member lets in is let in by nobody who has heard, over any link", async () => {
  const [alice, bob, mal] = await crewOf("bob", "mal");
  const early = machine("early");
  await admit(mal, early);
  tell(early, alice);
  revokeMember(alice.book, "mal");
  tell(alice, bob);
  const late = machine("late");
  await admit(mal, late);
  const [door, late2, early2] = [new Talker(bob), new Talker(late), new Talker(early)];
  connect(door, late2);
  connect(door, early2);
  await expect.poll(() => door.names).toEqual(["alice", "bob", "early"]);
  await settled();
  expect(door.names).toEqual(["alice", "bob", "early"]);
});

test("G-13: a member that hides a Revoke, and says that it has what the other has, hides it until any other is met", async () => {
  const [alice, bob, carol, mal] = await crewOf("bob", "carol", "mal");
  const old = new Talker(bob);
  const [, liar] = connect(old, new Talker(carol));
  await settled();
  revokeMember(alice.book, "mal");
  const [revoke] = alice.book.statements().filter(({ statement }) => statement.kind === "Revoke");
  const shown = alice.book.statements().filter((each) => each !== revoke);
  const say = (word: Parameters<typeof encodeWords>[0]): void =>
    encodeWords(word).forEach((each) => liar.membership(each));
  say({ kind: "statements", statements: shown.map(({ bytes }) => bytes) });
  say({ kind: "ids", ids: shown.map(({ id }) => id) });
  say({ kind: "digest", digest: old.exchange.digest });
  await settled();
  expect(old.names).toContain("mal");
  const [link] = connect(old, new Talker(alice));
  old.exchange.linked(link);
  await expect.poll(() => old.names).toEqual(["alice", "bob", "carol"]);
  expect(bob.book.isOut(mal.book.node)).toBe(true);
});

test("G-14: all that a revoked machine ever said or heard, said again over any link, changes nothing", async () => {
  const [alice, bob, mal] = await crewOf("bob", "mal");
  const [door, before] = [new Talker(bob), new Talker(mal)];
  const [, spoken] = connect(door, before);
  before.exchange.linked(spoken);
  await admit(mal, machine("friend"));
  await settled();
  const view = statementsOf(mal);
  const more = [
    await freshAdmit(mal),
    mal.book.sign({ kind: "Revoke", subject: alice.book.key, lastGoodSeq: 0, keeps: [] }),
    mal.book.sign({ kind: "Leave", lastGoodSeq: 0, keeps: [] }),
  ];
  revokeMember(alice.book, "mal");
  tell(alice, bob);
  bob.book.takeSecret(alice.book.epoch ?? { number: 0, secret: "" });
  await settled();
  const known = stateOf(bob);
  expect(door.names).toEqual(["alice", "bob"]);
  // mal itself, and dan, whom nobody knows, say it all again, with an Admit, a Revoke and a Leave that mal kept back.
  for (const from of [new Talker(mal), new Talker(machine("dan"))]) {
    const [, link] = connect(door, from);
    for (const word of [...before.heard, ...door.heard]) link.membership(word);
    for (const word of encodeWords({ kind: "statements", statements: [...view, ...more] })) link.membership(word);
    for (const word of encodeWords({ kind: "secret", number: 7, secret: "an old one" })) link.membership(word);
  }
  await settled();
  expect(stateOf(bob)).toEqual(known);
});

async function freshAdmit({ book, invites }: Machine): Promise<Uint8Array> {
  const fresh = machine("fresh");
  await invites.invite({ request: fresh.invites.request({}).request });
  const offer = Buffer.from(book.content?.pending?.at(-1) ?? "", "base64url");
  return consentTo(offer, fresh.book.identity.identityKey);
}

test("G-06, H-13: whoever ends a chain of sixteen is told so when it invites, instead of its friend staying outside", async () => {
  const chain = [machine("m0")];
  chain[0]?.invites.found({ name: "homelab", cidr: "10.77.0.0/16" });
  for (let depth = 1; depth <= 16; depth += 1) {
    const next = machine(`m${depth}`);
    await admit(chain.at(-1) as Machine, next);
    chain.push(next);
  }
  const [founder] = chain as [Machine];
  const last = chain.at(-1) as Machine;
  tell(last, founder);
  expect(founder.book.membership.members).toHaveLength(17);
  const { request } = machine("beyond").invites.request({});
  await expect(last.invites.invite({ request })).rejects.toThrow("end of a chain of 16 invites");
  expect(() => last.invites.preview({ request })).toThrow("end of a chain of 16 invites");
  await expect(founder.invites.invite({ request })).resolves.toMatchObject({ name: "beyond" });
});

test("G-06: the sixty-fifth invite of one member is refused when it is made; those that nobody came with do not count", async () => {
  const [alice] = await crewOf();
  for (let count = 0; count < 4; count += 1)
    await alice.invites.invite({ request: machine(`absent${count}`).invites.request({}).request });
  for (let count = 0; count < 64; count += 1) await admit(alice, machine(`m${count}`));
  const { request } = machine("beyond").invites.request({});
  await expect(alice.invites.invite({ request })).rejects.toThrow("alice has let in 64");
}, 60_000);
