import { describe, expect, test } from "vitest";
import { encodeMessage, type Body } from "../../src/paths/message.ts";
import { friends } from "./simulator/casts.ts";
import { disagreements, Pings, wrongWays } from "./simulator/checks.ts";
import { seedsOf } from "../support/seeds.ts";

/** What a liar may say: every field at its worst, in a message of the right form. */
function lie(random: () => number, session: string, peerSession: string, nodes: readonly string[]): Uint8Array {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] ?? (list[0] as T);
  const number = (): number => pick([0, 1, 2, 7, 1_000, 2 ** 31, Number.MAX_SAFE_INTEGER]);
  const endpoint = (): string =>
    pick(["127.0.0.1:5000", "192.168.1.1:53000", "203.0.113.250:4000", "224.0.0.1:6000", "1.2.3.4:5"]);
  const body: Body = {
    decision: random() < 0.5 ? { number: number(), route: pick(["straight", ...nodes, "z".repeat(25)]) } : undefined,
    done: number(),
    alive: random() < 0.5,
    attempt: {
      number: number(),
      kind: pick(["lan", "public", "seen"]),
      index: pick([0, 3, 7]),
      isLeaderFirst: random() < 0.5,
    },
    observed: random() < 0.7 ? endpoint() : undefined,
    seen: [endpoint(), endpoint()],
    relays: nodes.map((node) => [node, 0] as const).slice(0, 8),
  };
  return encodeMessage({ session, peerSession, number: number(), acknowledged: number(), asks: random() < 0.5, body });
}

describe("a member that lies", { timeout: 60_000 }, () => {
  test.each(seedsOf(2, 4))("disturbs its own tunnels alone (seed %i)", (seed) => {
    const { world, vivek, raj, priya, alex, sam } = friends(seed);
    const pings = new Pings(world);
    expect(world.within(20_000, () => wrongWays(world))).toEqual([]);
    world.run(20_000);
    // Alex has broken into his own daemon: it says anything, at any rate, to everybody; and says again what was said before.
    const honest = [vivek, raj, priya];
    const pairs = [
      [vivek, raj],
      [vivek, priya],
      [raj, priya],
    ] as const;
    const nodes = world.machines.map(({ node }) => node);
    const before = honest.map((machine) => honest.map(({ node }) => machine.route(node)));
    const said: Uint8Array[] = [];
    pings.reset();
    for (let second = 0; second < 60; second += 1) {
      for (const machine of [...honest, sam])
        for (let turn = 0; turn < 8; turn += 1) {
          const bytes = Uint8Array.from({ length: Math.floor(world.random() * 1_500) }, () =>
            Math.floor(world.random() * 256),
          );
          const sound = lie(world.random, alex.state.session, machine.state.session, nodes);
          said.push(sound);
          const replayed = said[Math.floor(world.random() * said.length)] ?? sound;
          const message = [bytes, sound, replayed][Math.floor(world.random() * 3)] ?? sound;
          machine.take({ kind: "message", from: alex.node, message });
        }
      world.run(1_000);
    }
    for (const pair of pairs) expect(pings.worstMs(pair)).toBeLessThan(2_000);
    expect(honest.map((machine) => honest.map(({ node }) => machine.route(node)))).toEqual(before);
    for (const machine of honest) expect(machine.facts.places.length).toBeLessThanOrEqual(12);
    // And when it is honest again, in a new run, all is as it was.
    alex.stop();
    world.dropLinks(alex);
    world.after(1_000, () => alex.start());
    world.run(2_000);
    expect(world.within(60_000, () => [...wrongWays(world), ...disagreements(world), ...pings.silent()])).toEqual([]);
  });

  test("makes nobody's state grow without bound", () => {
    const { world, raj, alex } = friends(1);
    world.run(20_000);
    const size = (): number =>
      JSON.stringify([...raj.state.pairs.values()], (_, value) => (value instanceof Map ? [...value] : value)).length;
    const before = size();
    const nodes = world.machines.map(({ node }) => node);
    for (let turn = 0; turn < 1_000; turn += 1) {
      const session = Math.floor(world.random() * 2 ** 48)
        .toString(16)
        .padStart(12, "0");
      raj.take({ kind: "message", from: alex.node, message: lie(world.random, session, raj.state.session, nodes) });
      world.run(100);
    }
    expect(size() - before).toBeLessThan(8_000);
  });

  test("is not heard at all when it is no member", () => {
    const { world, raj } = friends(1);
    world.run(20_000);
    const { pairs, tunnels, facts } = raj.state;
    const message = lie(world.random, "0".repeat(12), raj.state.session, []);
    raj.take({ kind: "message", from: "q".repeat(25), message });
    expect([...raj.state.pairs.keys()]).toEqual([...pairs.keys()]);
    expect(raj.state.tunnels).toBe(tunnels);
    expect(raj.state.facts).toBe(facts);
  });
});
