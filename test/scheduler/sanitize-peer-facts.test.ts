import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyHistory } from "../../src/scheduler/history.ts";
import type { PeerFacts, PeerKnowledge } from "../../src/scheduler/peer-facts.ts";
import { placeJob } from "../../src/scheduler/place-job.ts";
import { sanitizePeerFacts } from "../../src/scheduler/sanitize-peer-facts.ts";
import { gibibyte, nowMs, peerOf, requestOf } from "./crew.ts";

const known: PeerKnowledge = {
  node: "node-mallory",
  name: "mallory",
  own: false,
  phase: "Online",
  compatible: true,
  labels: {},
  cordoned: false,
  missingBytes: 0,
  relayed: false,
  history: emptyHistory,
};
const honest = {
  platform: "linux/amd64",
  machineCores: 8,
  load: 1,
  cpu: { total: 8, free: 6 },
  memoryBytes: { total: 16 * gibibyte, free: 8 * gibibyte },
  diskBytes: { total: 100 * gibibyte, free: 50 * gibibyte },
  jobs: { total: 4, free: 3 },
  gpus: [{ model: "RTX 3080", memoryBytes: 10 * gibibyte, free: true }],
  allow: { peers: ["alice"], images: ["docker.io/library/python"], networks: ["egress"] },
  snoozedUntil: "2026-11-22T22:00:00Z",
  quiet: true,
  onBattery: true,
  takesWorkOnBattery: true,
  idle: true,
  onlyWhenIdle: true,
  runtime: "process",
};

describe("G-09: what a peer says of itself", () => {
  it("is kept when it makes sense", () => {
    const { snoozedUntil, ...rest } = honest;
    expect(sanitizePeerFacts(honest, known)).toEqual({
      ...rest,
      ...known,
      allow: { peers: ["alice"], images: ["python:latest"], networks: ["egress"] },
      snoozedUntilMs: Date.parse(snoozedUntil),
    });
  });

  it.each<[string, object, Partial<PeerFacts>]>([
    [
      "ten thousand cores are 1024",
      { machineCores: 1e4, cpu: { total: 1e4, free: 1e4 } },
      { cpu: { total: 1024, free: 1024 } },
    ],
    ["no more cores are lent than there are", { cpu: { total: 64, free: 64 } }, { cpu: { total: 8, free: 8 } }],
    ["no more is free than there is", { memoryBytes: { total: 5, free: 9 } }, { memoryBytes: { total: 5, free: 5 } }],
    ["memory below zero is none", { memoryBytes: { total: 5, free: -1 } }, { memoryBytes: { total: 5, free: 0 } }],
    ["NaN is none", { diskBytes: { total: Number.NaN, free: Number.NaN } }, { diskBytes: { total: 0, free: 0 } }],
    ["a number as text is none", { cpu: { total: "8", free: "8" } }, { cpu: { total: 0, free: 0 } }],
    ["a list for an amount is none", { cpu: [8, 8] }, { cpu: { total: 0, free: 0 } }],
    [
      "1e400 bytes are 4096Ti",
      { diskBytes: { total: Infinity, free: Infinity } },
      { diskBytes: { total: 2 ** 52, free: 2 ** 52 } },
    ],
    ["a load below zero is a full one", { load: -5 }, { load: 8 }],
    ["no word about the load is a full one", { load: undefined }, { load: 8 }],
    ["a load past all cores is a full one", { load: 1e9 }, { load: 8 }],
    ["no slots named is no limit", { jobs: undefined }, { jobs: { total: Infinity, free: Infinity } }],
    ["slots of nonsense are none", { jobs: { total: "many" } }, { jobs: { total: 0, free: 0 } }],
    [
      "a GPU is free only if it says true",
      { gpus: [{ model: "X", memoryBytes: 1, free: "yes" }] },
      { gpus: [{ model: "X", memoryBytes: 1, free: false }] },
    ],
    ["GPUs that are no list are none", { gpus: "all" }, { gpus: [] }],
    [
      "an escape in a model's name is dropped",
      { gpus: [{ model: "\u001b[31mRTX\u202e\n" }] },
      { gpus: [{ model: "[31mRTX", memoryBytes: 0, free: false }] },
    ],
    [
      "an allow list of nonsense lets nobody in",
      { allow: { peers: "alice", images: 7, networks: "egress" } },
      { allow: { peers: [], images: [], networks: [] } },
    ],
    ["an unknown network is dropped", { allow: { networks: ["host", "none"] } }, { allow: { networks: ["none"] } }],
    ["a platform of nonsense is none", { platform: "linux/amd64 --privileged" }, { platform: "" }],
    ["idle is true only if it says true", { idle: 1 }, { idle: false }],
    [
      "what this machine knows cannot be overwritten",
      { name: "bob", node: "node-bob", own: true, history: { succeeded: 1e9 }, phase: "Online", missingBytes: -1 },
      { ...known },
    ],
  ])("%s", (_title, lie, expected) => {
    expect(sanitizePeerFacts({ ...honest, ...lie }, known)).toMatchObject(expected);
  });

  it.each([undefined, null, 7, "x", [], {}])("%j offers nothing", (said) => {
    const mallory = sanitizePeerFacts(said, known);
    const { chosen, rejected } = placeJob(requestOf(), [mallory], nowMs);
    expect(chosen).toBeUndefined();
    expect(rejected[0]?.refusals.map(({ reason }) => reason)).toEqual([
      ...["InsufficientCpu", "InsufficientMemory", "InsufficientDisk"],
    ]);
    // Also to a Job that would take anything.
    expect(placeJob(requestOf({ resources: {} }), [mallory], nowMs).chosen).toBeUndefined();
  });

  it("counts a snooze by the clock it was measured to have", () => {
    const dayAhead = sanitizePeerFacts({ ...honest, snoozedUntil: "2026-11-23T21:00:00Z" }, known, 86_400_000);
    expect(dayAhead.snoozedUntilMs).toBe(nowMs);
    expect("snoozedUntilMs" in sanitizePeerFacts({ ...honest, snoozedUntil: "tomorrow" }, known)).toBe(false);
  });

  it("cannot break a decision, whatever it is", () => {
    const said = fc.oneof(fc.anything(), fc.dictionary(fc.constantFrom(...Object.keys(honest)), fc.anything()));
    fc.assert(
      fc.property(said, (untrusted) => {
        const crew = [sanitizePeerFacts(untrusted, known), peerOf("bob")];
        const { chosen, others, rejected } = placeJob(requestOf(), crew, nowMs);
        expect([chosen?.peer, ...others.map(({ peer }) => peer), ...rejected.map(({ peer }) => peer)]).toHaveLength(2);
        for (const { score } of others) expect(score >= 0 && score <= 100).toBe(true);
      }),
    );
  });

  it("does not outweigh what was measured: a boaster that fails Jobs loses to an honest small machine", () => {
    const boast = {
      ...honest,
      machineCores: 1024,
      load: 0,
      cpu: { total: 1024, free: 1024 },
      snoozedUntil: "",
      quiet: false,
      onBattery: false,
      allow: {},
      gpus: [],
      runtime: "docker",
    };
    const history = { ...emptyHistory, failed: 3, asOfMs: nowMs };
    const mallory = sanitizePeerFacts(boast, { ...known, history });
    const bob = peerOf("bob", {
      cpu: { total: 4, free: 4 },
      machineCores: 4,
      load: 1,
      history: { ...emptyHistory, succeeded: 3, asOfMs: nowMs },
    });
    const failedOn = new Map([["node-mallory", 1]]);
    expect(placeJob(requestOf({}, { failedOn }), [mallory, bob], nowMs).chosen?.peer).toBe("bob");
  });
});
