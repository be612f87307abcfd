import { describe, expect, test } from "vitest";
import type { Tunnel } from "../../src/paths/types.ts";
import { Agenda } from "../gossip/simulator/agenda.ts";
import { createRandom } from "../../src/gossip/random.ts";
import { Host, Internet, Segment } from "./simulator/internet.ts";
import { Router, type RouterKind } from "./simulator/router.ts";
import { WireGuard } from "./simulator/wireguard.ts";

/** Two WireGuards by hand, to see that the model does what was measured. */
class Bench {
  readonly agenda = new Agenda();
  readonly random = createRandom(0.4);
  readonly internet = new Internet(this.agenda, this.random);
  #id = 0;
  #address = 1;

  host(kind: RouterKind | "none", latencyMs = 25): Host {
    const address = `198.51.100.${(this.#address += 1)}`;
    if (kind === "none") return new Host({ segment: this.internet.root, address, latencyMs });
    const inside = new Segment();
    const router = { kind, outside: this.internet.root, inside, wan: address, random: this.random };
    this.routers.push(new Router({ ...router, latencyMs, idleMs: 60_000 }));
    return new Host({ segment: inside, address: `192.168.${this.#address}.2`, latencyMs });
  }

  readonly routers: Router[] = [];

  wireguard(node: string, host: Host, canRelay = false): WireGuard {
    const wireguard = new WireGuard({
      ...{ node, agenda: this.agenda, random: this.random, canRelay: () => canRelay },
      newId: () => (this.#id += 1),
      send: (endpoint, packet) => this.internet.send(host, 51_820, endpoint, packet),
    });
    host.receive = (source, packet) => wireguard.receive(source, packet);
    return wireguard;
  }

  run(ms: number): void {
    this.agenda.run(this.agenda.nowMs + ms);
  }
}

const straight = (node: string, endpoint?: string, keepaliveSeconds?: number): Tunnel => ({
  ...{ node, carries: [node] },
  ...(endpoint === undefined ? {} : { endpoint }),
  ...(keepaliveSeconds === undefined ? {} : { keepaliveSeconds }),
});
const shaken = (wireguard: WireGuard, node: string): number | undefined =>
  wireguard.dump().find((each) => each.node === node)?.handshakeAgeMs;

/** Both have shaken hands with a third, and are told where it sees the other; the second starts later by so much. */
function punch([first, second]: readonly [RouterKind, RouterKind], laterMs: number): Bench & { works: () => boolean } {
  const bench = new Bench();
  const hosts = { a: bench.host(first), b: bench.host(second), v: bench.host("none") };
  const a = bench.wireguard("a", hosts.a);
  const b = bench.wireguard("b", hosts.b);
  const v = bench.wireguard("v", hosts.v);
  const there = straight("v", `${hosts.v.address}:51820`, 25);
  v.apply([straight("a"), straight("b")], new Set());
  for (const each of [a, b]) each.apply([there], new Set());
  bench.run(1_000);
  const seen = (node: string): string | undefined => v.dump().find((each) => each.node === node)?.endpoint;
  const [seenA, seenB] = [seen("a"), seen("b")];
  a.apply([there, straight("b", seenB, 25)], new Set());
  bench.run(laterMs);
  b.apply([there, straight("a", seenA, 25)], new Set());
  const works = (): boolean => shaken(a, "b") !== undefined && shaken(b, "a") !== undefined;
  return Object.assign(bench, { works });
}

describe("the modelled WireGuard", () => {
  test("shakes hands when one side knows where the other is, and learns where that is", () => {
    const bench = new Bench();
    const hosts = [bench.host("cone"), bench.host("none")] as const;
    const a = bench.wireguard("a", hosts[0]);
    const v = bench.wireguard("v", hosts[1]);
    v.apply([straight("a")], new Set());
    a.apply([straight("v", `${hosts[1].address}:51820`)], new Set());
    bench.run(1_000);
    expect(shaken(a, "v")).toBeUndefined();
    let arrived = 0;
    a.send({ from: "a", to: "v", bytes: 84, hops: 0, arrive: () => (arrived += 1) });
    bench.run(500);
    expect([shaken(a, "v"), shaken(v, "a")]).toEqual([500, 500]);
    expect(v.dump()[0]?.endpoint).toBe("198.51.100.2:51820");
    v.send({ from: "v", to: "a", bytes: 84, hops: 0, arrive: () => (arrived += 1) });
    bench.run(500);
    expect(arrived).toBe(2);
  });

  test("throws away what claims to be from somebody else", () => {
    const bench = new Bench();
    const hosts = [bench.host("none"), bench.host("none")] as const;
    const a = bench.wireguard("a", hosts[0]);
    const v = bench.wireguard("v", hosts[1]);
    v.apply([straight("a", `${hosts[0].address}:51820`)], new Set());
    a.apply([straight("v", `${hosts[1].address}:51820`)], new Set());
    let arrived = 0;
    a.send({ from: "c", to: "v", bytes: 84, hops: 0, arrive: () => (arrived += 1) });
    bench.run(500);
    expect(arrived).toBe(0);
  });

  test("keeps its session over a hundred minutes of packets, and forgets it when taken out and put in", () => {
    const bench = new Bench();
    const hosts = [bench.host("none"), bench.host("none")] as const;
    const a = bench.wireguard("a", hosts[0]);
    const v = bench.wireguard("v", hosts[1]);
    v.apply([straight("a")], new Set());
    const there = [straight("v", `${hosts[1].address}:51820`)];
    a.apply(there, new Set());
    let arrived = 0;
    for (let second = 0; second < 6_000; second += 1) {
      a.send({ from: "a", to: "v", bytes: 84, hops: 0, arrive: () => (arrived += 1) });
      bench.run(1_000);
    }
    expect(arrived).toBe(6_000);
    expect(shaken(a, "v")).toBeLessThan(125_000);
    a.apply(there, new Set(["v"]));
    expect(a.dump()).toMatchObject([{ receivedBytes: 0, sentBytes: 0 }]);
  });
});

describe("holes in routers", () => {
  test.each([
    ["full-cone", "full-cone", true],
    ["full-cone", "symmetric", true],
    ["restricted", "symmetric", true],
    ["cone", "cone", true],
    ["cone", "symmetric", false],
    ["symmetric", "symmetric", false],
    ["cone", "udp-blocked", false],
  ] as const)("%s and %s: %s", (first, second, expected) => {
    const bench = punch([first, second], 400);
    bench.run(12_000);
    expect(bench.works()).toBe(expected);
  });

  test("two starts that cross cancel each other, and the next comes 5 s later", () => {
    const crossing = punch(["cone", "cone"], 20);
    crossing.run(4_900);
    expect(crossing.works()).toBe(false);
    crossing.run(11_000);
    expect(crossing.works()).toBe(true);
    const later = punch(["cone", "cone"], 120);
    later.run(300);
    expect(later.works()).toBe(true);
  });

  test("close when nobody uses them, and when the router starts again", () => {
    const bench = new Bench();
    const hosts = [bench.host("cone"), bench.host("none")] as const;
    const [router] = bench.routers;
    const there = `${hosts[1].address}:51820`;
    expect(router?.outbound("192.168.2.2:51820", there, 0)).toBe("198.51.100.2:51820");
    expect(router?.inbound(there, 51_820, 50_000)).toBe("192.168.2.2:51820");
    expect(router?.inbound("203.0.113.1:51820", 51_820, 50_000)).toBeUndefined();
    expect(router?.inbound(there, 51_820, 120_000)).toBeUndefined();
    router?.outbound("192.168.2.2:51820", there, 130_000);
    router?.forget();
    expect(router?.inbound(there, 51_820, 130_000)).toBeUndefined();
  });
});
