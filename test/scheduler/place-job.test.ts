import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { debitPeer } from "../../src/scheduler/debit-peer.ts";
import { refusalsOf } from "../../src/scheduler/filters.ts";
import { emptyHistory } from "../../src/scheduler/history.ts";
import type { PeerFacts } from "../../src/scheduler/peer-facts.ts";
import { placeJob } from "../../src/scheduler/place-job.ts";
import type { PlacementRequest } from "../../src/scheduler/placement-request.ts";
import { renderPlacement } from "../../src/scheduler/render-placement.ts";
import { scoreTerms, sumOf, termNames } from "../../src/scheduler/score.ts";
import type { TermName } from "../../src/scheduler/score.ts";
import { anyCrew, anyRequest, gibibyte, nowMs, peerOf, requestOf, uid } from "./crew.ts";

function termOf(name: TermName, request: PlacementRequest, facts: Partial<PeerFacts>, fastest?: number): number {
  const terms = scoreTerms(request, peerOf("bob", facts), nowMs, fastest);
  return (terms[termNames.indexOf(name)] ?? Number.NaN) / 10;
}
const gpu = { model: "RTX", memoryBytes: 10 * gibibyte, free: true };
const big = { model: "A100", memoryBytes: 80 * gibibyte, free: true };
const run = (runSeconds: number): PeerFacts["history"] => ({ ...emptyHistory, runSeconds });
const week = 7 * 86_400_000;

describe("a term is worth", () => {
  it.each<[TermName, string, number, PlacementRequest, Partial<PeerFacts>, number?]>([
    ["fit", "what is left of the scarcest resource", 22.5, requestOf(), {}],
    ["fit", "nothing when the last core goes", 0, requestOf(), { cpu: { total: 8, free: 2 } }],
    [
      "fit",
      "most for the smallest GPU that does",
      24,
      requestOf({ resources: { gpu: { minMemory: "8Gi" } } }),
      { gpus: [big, gpu] },
    ],
    [
      "fit",
      "little for a GPU far too large",
      3,
      requestOf({ resources: { gpu: { minMemory: "8Gi" } } }),
      { gpus: [big] },
    ],
    ["fit", "room left when any GPU will do", 26.3, requestOf({ resources: { gpu: {} } }), { gpus: [gpu] }],
    ["idle", "all on an idle machine", 20, requestOf(), {}],
    ["idle", "its free share of cores", 15, requestOf(), { load: 2 }],
    ["idle", "nothing on an overloaded machine", 0, requestOf(), { load: 12 }],
    ["start", "all when nothing is missing and it is near", 25, requestOf(), {}],
    ["start", "half for thirty seconds of transfer", 12.5, requestOf(), { missingBytes: 3e8, bytesPerSecond: 1e7 }],
    ["start", "by a home connection when nothing was measured", 12.5, requestOf(), { missingBytes: 30 * 2 ** 22 }],
    ["start", "by two round trips", 24.2, requestOf(), { rttMs: 500 }],
    ["speed", "half when nobody has run it", 5, requestOf(), {}],
    ["speed", "half when this peer has not", 5, requestOf(), {}, 60],
    ["speed", "all for the fastest", 10, requestOf(), { history: run(60) }, 60],
    ["speed", "a quarter for a peer four times slower", 2.5, requestOf(), { history: run(240) }, 60],
    ["reliability", "half without a history", 5, requestOf(), {}],
    [
      "reliability",
      "more with successes",
      9,
      requestOf(),
      { history: { ...emptyHistory, succeeded: 8, asOfMs: nowMs } },
    ],
    ["reliability", "less with failures", 1, requestOf(), { history: { ...emptyHistory, failed: 8, asOfMs: nowMs } }],
    [
      "reliability",
      "half of the failures after a week",
      1.7,
      requestOf(),
      { history: { ...emptyHistory, failed: 8, asOfMs: nowMs - week } },
    ],
    [
      "reliability",
      "no more for a history of tomorrow",
      9,
      requestOf(),
      { history: { ...emptyHistory, succeeded: 8, asOfMs: nowMs + week } },
    ],
    ["affinity", "nothing for who is not preferred", 0, requestOf({ preferredPeers: ["carol"] }), {}],
    ["affinity", "all for the first preferred", 5, requestOf({ preferredPeers: ["bob", "carol"] }), {}],
    ["affinity", "less for the second", 2.5, requestOf({ preferredPeers: ["carol", "bob"] }), {}],
    ["failedBefore", "25 less for a failure there", -25, requestOf({}, { failedOn: new Map([["node-bob", 1]]) }), {}],
    ["idleGpu", "10 less where a GPU would sit idle", -10, requestOf(), { gpus: [gpu] }],
    ["idleGpu", "nothing when the GPU is taken", 0, requestOf(), { gpus: [{ ...gpu, free: false }] }],
    ["idleGpu", "nothing for a Job that uses it", 0, requestOf({ resources: { gpu: {} } }), { gpus: [gpu] }],
    ["battery", "10 less on battery", -10, requestOf(), { onBattery: true, takesWorkOnBattery: true }],
    ["relayed", "5 less through a relay", -5, requestOf(), { relayed: true }],
  ])("%s: %s", (name, _title, expected, request, facts, fastest) => {
    expect(termOf(name, request, facts, fastest)).toBe(expected);
  });
});

describe("placing a Job", () => {
  it("takes the highest score and says how far the others are behind", () => {
    const slow = peerOf("amy", { missingBytes: 3e8, bytesPerSecond: 1e7 });
    const { chosen, others } = placeJob(requestOf(), [slow, peerOf("bob")], nowMs);
    expect([chosen?.peer, chosen?.score, chosen?.because]).toEqual(["bob", 77.5, "best"]);
    expect(others.map(({ peer, score, because }) => [peer, score, because])).toEqual([["amy", 65, "behind"]]);
  });

  it("uses the own machine only when nobody else can", () => {
    const own = peerOf("alice", { own: true });
    const friend = peerOf("bob", { load: 8, relayed: true });
    const both = placeJob(requestOf(), [own, friend], nowMs);
    expect([both.chosen?.peer, both.others[0]?.because]).toEqual(["bob", "lastResort"]);
    const alone = placeJob(requestOf(), [own, { ...friend, cordoned: true }], nowMs);
    expect([alone.chosen?.peer, alone.chosen?.because]).toEqual(["alice", "lastResort"]);
  });

  it.each([{ peer: "alice" }, { preferredPeers: ["alice"] }])(
    "counts the own machine like any other for %j",
    (spec) => {
      const crew = [peerOf("alice", { own: true }), peerOf("bob", { load: 8 })];
      expect(placeJob(requestOf(spec), crew, nowMs).chosen).toMatchObject({ peer: "alice", because: "best" });
    },
  );

  it("draws among equals, another one for another Job, and spreads evenly", () => {
    const crew = ["amy", "bob", "carl", "dora"].map((name, index) => peerOf(name, { rttMs: index }));
    const wins = new Map<string, number>();
    for (let job = 0; job < 1000; job += 1) {
      const placed = placeJob(requestOf({}, { uid: `${uid}-${job}` }), crew, nowMs);
      const { peer = "", because } = placed.chosen ?? {};
      expect([because, ...placed.others.map((other) => other.because)]).toEqual(["drawn", "drawn", "drawn", "drawn"]);
      wins.set(peer, (wins.get(peer) ?? 0) + 1);
    }
    expect([...wins.values()].every((count) => count > 200 && count < 300)).toBe(true);
  });

  it.each([
    ["one point apart are equals", 0.4, 19, ["amy", "bob"]],
    ["more than one point apart are not", 0.44, 18.9, ["bob"]],
  ])("peers %s", (_title, load, idle, winners) => {
    const crew = [peerOf("amy", { load }), peerOf("bob")];
    expect(termOf("idle", requestOf(), { load })).toBe(idle);
    const placed = Array.from({ length: 50 }, (_, job) =>
      placeJob(requestOf({}, { uid: `${uid}-${job}` }), crew, nowMs),
    );
    expect(new Set(placed.map(({ chosen }) => chosen?.peer))).toEqual(new Set(winners));
  });

  it("goes elsewhere after its own grant, before the peer's news arrive", () => {
    const small = { cpu: { total: 2, free: 2 }, machineCores: 2 };
    const request = requestOf({ resources: { cpu: 2, gpu: {} } });
    let crew = ["bob", "carl"].map((name) => peerOf(name, { ...small, gpus: [gpu] }));
    const taken: (string | undefined)[] = [];
    for (let job = 0; job < 2; job += 1) {
      const { chosen } = placeJob(request, crew, nowMs);
      taken.push(chosen?.peer);
      crew = crew.map((peer) => (peer.name === chosen?.peer ? debitPeer(peer, request) : peer));
    }
    expect(new Set(taken)).toEqual(new Set(["bob", "carl"]));
    expect(placeJob(request, crew, nowMs).rejected.map(({ refusals }) => refusals.map(({ reason }) => reason))).toEqual(
      [
        ["InsufficientGpu", "InsufficientCpu"],
        ["InsufficientGpu", "InsufficientCpu"],
      ],
    );
  });
});

describe("whatever the crew and the Job", () => {
  it("the order of peers makes no difference, and neither does asking again", () => {
    const shuffled = anyCrew.chain((crew) =>
      fc.tuple(fc.constant(crew), fc.shuffledSubarray([...crew], { minLength: crew.length })),
    );
    fc.assert(
      fc.property(anyRequest, shuffled, (request, [crew, other]) => {
        const placed = placeJob(request, crew, nowMs);
        expect(placeJob(request, other, nowMs)).toEqual(placed);
        expect(placeJob(request, crew, nowMs)).toEqual(placed);
      }),
    );
  });

  it("everybody is told once, scored if and only if no filter refuses, and within 0 to 100", () => {
    fc.assert(
      fc.property(anyRequest, anyCrew, (request, crew) => {
        const { chosen, others, rejected } = placeJob(request, crew, nowMs);
        const scored = chosen === undefined ? [] : [chosen, ...others];
        if (chosen === undefined) expect(others).toEqual([]);
        const names = [...scored, ...rejected].map(({ peer }) => peer);
        expect(names.toSorted()).toEqual(crew.map(({ name }) => name).toSorted());
        for (const { facts, score, terms } of scored) {
          expect(refusalsOf(request, facts, nowMs)).toEqual([]);
          expect(score).toBe(Math.max(0, sumOf(terms)) / 10);
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(100);
          expect(terms).toHaveLength(termNames.length);
        }
        for (const { refusals } of rejected) expect(refusals.length).toBeGreaterThan(0);
        expect(renderPlacement({ ...(chosen && { chosen }), others, rejected })).toHaveLength(crew.length);
      }),
    );
  });

  it("nobody who could have taken it has more than a point more, but for the own machine", () => {
    fc.assert(
      fc.property(anyRequest, anyCrew, (request, crew) => {
        const { chosen, others } = placeJob(request, crew, nowMs);
        const rivals = others.filter(({ because }) => because !== "lastResort");
        for (const { terms } of rivals) {
          expect(sumOf(terms)).toBeLessThanOrEqual(sumOf(chosen?.terms ?? []) + 10);
        }
      }),
    );
  });

  it("a worse peer more changes nothing", () => {
    fc.assert(
      fc.property(anyRequest, anyCrew, (request, crew) => {
        const before = placeJob(request, crew, nowMs);
        fc.pre(before.chosen !== undefined && before.chosen.because !== "lastResort");
        // Like the chosen one, but far behind by a term no other peer's score depends on.
        const { facts } = before.chosen;
        const { runSeconds: _, ...history } = { ...facts.history, succeeded: 0, failed: 1e9 };
        const worse = { ...facts, history, load: facts.machineCores, relayed: true, own: false };
        const unsure = { ...worse, name: "zed", node: "node-zed", missingBytes: 2 ** 45 };
        const after = placeJob(request, [...crew, unsure], nowMs);
        const scored = after.chosen === undefined ? after.others : [after.chosen, ...after.others];
        const added = scored.find(({ peer }) => peer === "zed");
        const gap = sumOf(before.chosen.terms) - (added === undefined ? -Infinity : sumOf(added.terms));
        // Within one point of the best it may win the draw.
        fc.pre(gap > 10);
        expect(after.chosen?.peer).toBe(before.chosen.peer);
      }),
    );
  });
});
