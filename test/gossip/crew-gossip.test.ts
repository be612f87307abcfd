import { afterEach, expect, test } from "vitest";
import { CrewGossip } from "../../src/daemon/crew-gossip.ts";
import type { GossipTransport } from "../../src/gossip/ports.ts";
import { createRandom } from "../../src/gossip/random.ts";
import type { Logger } from "../../src/reconciler/types.ts";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../src/trust/identity.ts";
import { signRecord } from "../../src/trust/record.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { recordOf } from "./simulator/cheap-records.ts";

interface House {
  readonly node: string;
  readonly gossip: CrewGossip;
  readonly hints: { readonly node: string; readonly endpoints: readonly string[] }[];
  readonly accused: string[];
  readonly outrun: Uint8Array[];
  readonly logged: string[];
  say(boot: number, seq: number, jobs?: number): Buffer;
  tell(to: House, message: Uint8Array): void;
}

const clock = new FakeClock();
const houses = new Map<string, House>();
const readers = new Map<string, (from: string, message: Uint8Array) => void>();
const links = new Map<string, string[]>();
const proved = new Set<string>();

afterEach(() => {
  for (const { gossip } of houses.values()) gossip.close();
  for (const each of [houses, readers, links, proved]) each.clear();
});

function transportOf(node: string, onHint: GossipTransport["hint"]): GossipTransport {
  return {
    neighbours: () => links.get(node) ?? [],
    send: (to, message) => void setImmediate(() => readers.get(to)?.(node, message)),
    receive(onMessage) {
      readers.set(node, onMessage);
      return { [Symbol.dispose]: () => void readers.delete(node) };
    },
    hint: onHint,
  };
}

function build(): House {
  const { identityKey } = generateIdentity();
  const node = nodeIdOf(publicKeyOf(identityKey, "ed25519"));
  const house = { node, hints: [], accused: [], outrun: [], logged: [] } as Omit<House, "gossip" | "say" | "tell">;
  const say = (text: string): void => void house.logged.push(text);
  const log: Logger = { debug: say, info: say, warn: say, error: say };
  const gossip = new CrewGossip({
    ...{ own: node, clock, log, random: createRandom(0.25) },
    transport: transportOf(node, (of, endpoints) => void house.hints.push({ node: of, endpoints })),
    members: { all: () => [], isAdmitted: (of) => proved.has(of) },
    links: { contradicts: (of) => void house.accused.push(of), beat() {} },
    self: { jumpPast: (bytes) => house.outrun.push(bytes) === 0 },
  });
  const built: House = {
    ...house,
    gossip,
    say(boot, seq, jobs = 0) {
      const record = signRecord(recordOf({ node, boot, seq, jobs }), identityKey);
      gossip.offer(record);
      return record;
    },
    tell: (to, message) => readers.get(to.node)?.(node, message),
  };
  houses.set(node, built);
  return built;
}

function link(left: House, right: House): void {
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    links.set(one.node, [...(links.get(one.node) ?? []), other.node]);
    one.gossip.relinked();
  }
}

async function chain(): Promise<readonly [House, House, House]> {
  const [alice, bob, carol] = [build(), build(), build()];
  for (const house of [alice, bob, carol]) house.say(1, 1);
  link(alice, bob);
  link(bob, carol);
  await clock.advance(1_000);
  return [alice, bob, carol];
}

test("A hears of C through B: a place to dial, and no more than that", async () => {
  const [alice, bob, carol] = await chain();
  const { endpoints } = recordOf({ node: carol.node, boot: 1, seq: 1 });
  expect(alice.hints).toEqual([{ node: carol.node, endpoints }]);
  expect(alice.gossip.hasIntroduced(carol.node)).toBe(true);
  expect(carol.hints.map(({ node }) => node)).toEqual([alice.node]);
  expect(bob.hints).toEqual([]);
  expect(bob.gossip.hasIntroduced(carol.node)).toBe(false);
});

test("figures that move with every heartbeat are no news", async () => {
  const [alice, , carol] = await chain();
  for (let seq = 2; seq < 7; seq += 1) {
    carol.say(1, seq, seq);
    await clock.advance(1_000);
  }
  expect(alice.hints).toHaveLength(1);
  carol.say(2, 1);
  await clock.advance(1_000);
  expect(alice.hints).toHaveLength(2);
});

test("two records with one number are reported to both sides of the chain", async () => {
  const [alice, bob, carol] = await chain();
  carol.say(2, 1, 1);
  await clock.advance(60_000);
  carol.say(2, 1, 2);
  await clock.advance(60_000);
  expect([alice.accused, bob.accused]).toEqual([[carol.node], [carol.node]]);
});

test("a machine whose numbers went back is shown its own newest record", async () => {
  const [alice, bob] = [build(), build()];
  const newest = bob.say(7, 40);
  link(alice, bob);
  await clock.advance(1_000);
  bob.gossip.close();
  const reborn = new CrewGossip({
    ...{ own: bob.node, clock, random: createRandom(0.5), log: { debug() {}, info() {}, warn() {}, error() {} } },
    transport: transportOf(bob.node, () => {}),
    members: { all: () => [], isAdmitted: () => false },
    links: { contradicts() {}, beat() {} },
    self: { jumpPast: (bytes) => bob.outrun.push(bytes) === 0 },
  });
  reborn.relinked();
  await clock.advance(10_000);
  reborn.close();
  expect(bob.outrun.map((bytes) => Buffer.from(bytes).equals(newest))).toContain(true);
});

test("nonsense is complained about once a minute, and names its bearer", async () => {
  const [alice, bob] = await chain();
  for (let time = 0; time < 5; time += 1) bob.tell(alice, Buffer.from("nonsense"));
  expect(alice.logged).toEqual(["gossip that cannot be believed is dropped"]);
  await clock.advance(61_000);
  bob.tell(alice, Buffer.from("nonsense"));
  expect(alice.logged).toHaveLength(2);
});

test("after closing nothing is sent and nothing waits", async () => {
  const [alice, bob] = await chain();
  alice.gossip.close();
  bob.say(9, 9);
  await clock.advance(60_000);
  expect(readers.has(alice.node)).toBe(false);
});
