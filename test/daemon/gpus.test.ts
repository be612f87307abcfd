import { describe, expect, it } from "vitest";
import type { SeenGpu } from "../../src/adapters/system/gpus.ts";
import type { PeerSight } from "../../src/controllers/peer/ports.ts";
import { factsOfPeer, factsOfSelf } from "../../src/daemon/crew-facts.ts";
import { MachineGpus, ownGpus, withGpus } from "../../src/daemon/gpus.ts";
import type { Peer } from "../../src/resources/peer.ts";
import { effectiveLimits } from "../../src/scheduler/effective-limits.ts";
import { refusalsOf } from "../../src/scheduler/filters.ts";
import type { PeerFacts } from "../../src/scheduler/peer-facts.ts";
import type { LiveRecord } from "../../src/trust/record.ts";
import { gibibyte, nowMs, requestOf } from "../scheduler/crew.ts";
import { FakeClock } from "../support/fake-clock.ts";

const card = (id: string, model: string, gibibytes: number): SeenGpu => ({
  ...{ id, model, usedPercent: 0 },
  ...{ memoryTotal: gibibytes * gibibyte, memoryFree: gibibytes * gibibyte },
});
const cards = [card("GPU-a", "A100", 80), card("GPU-b", "RTX 3060", 12)];
const figures = cards.map((each) => {
  const { id: _, ...rest } = each;
  return rest;
});
const nothingHeld = { cpu: 0, memory: 0, disk: 0, gpus: 0, jobs: 0 };

const record: LiveRecord = {
  ...{ node: "a".repeat(25), name: "bob", version: "1", boot: 1, seq: 1, cpuCount: 8, cpuUsedPercent: 0, jobs: 0 },
  ...{ memoryTotal: 16 * gibibyte, memoryFree: 16 * gibibyte, diskFree: 500 * gibibyte, gpus: figures },
  allocatable: { cpu: 8, memory: 16 * gibibyte, disk: 500 * gibibyte, gpus: 2, jobs: 100 },
  allocated: nothingHeld,
  lends: { platform: "linux/amd64", runtime: "docker", networks: ["none"], gpus: [0, 1] },
  endpoints: [],
};
const peer: Peer = {
  ...{ apiVersion: "homie.dev/v1", kind: "Peer", spec: {} },
  metadata: { name: "bob", uid: "u", generation: 1, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
};
const sight: PeerSight = { trust: { kind: "proved" }, node: record.node, name: "bob", silentMs: 0 };

function factsOf(change: Partial<LiveRecord>): PeerFacts {
  return factsOfPeer(peer, sight, { suspectMs: 5_000, offlineMs: 10_000 }, { ...record, ...change });
}
const gpuRefusals = (facts: PeerFacts, gpu: object): readonly object[] =>
  refusalsOf(requestOf({ resources: { gpu } }), facts, nowMs).filter(({ reason }) => reason === "InsufficientGpu");

describe("the GPUs a peer lends", () => {
  const lends = record.lends ?? {};
  const rows: readonly [string, Partial<LiveRecord>, object, readonly object[]][] = [
    ["one that is free is given", {}, { model: "a100" }, []],
    ["one that is held can be waited for", { lends: { ...lends, gpus: [1] } }, { model: "a100" }, [{ free: 0 }]],
    ["one that is not there cannot", {}, { model: "h100" }, [{ free: 0, lasting: true }]],
    [
      "when as many are held as are lent the others are not free",
      {
        allocatable: { ...record.allocatable, gpus: 1 },
        allocated: { ...nothingHeld, gpus: 1 },
        lends: { ...lends, gpus: [0] },
      },
      {},
      [{ free: 0 }],
    ],
    [
      "more than are lent cannot be waited for",
      { allocatable: { ...record.allocatable, gpus: 1 } },
      { count: 2 },
      [{ free: 1, lasting: true }],
    ],
    ["a version that says nothing lends none", { lends: { ...lends, gpus: undefined } }, {}, [{ lasting: true }]],
    ["words that make no sense free none", { lends: { ...lends, gpus: ["0", -1, 7, null, 0.5] } }, {}, [{ free: 0 }]],
    ["a number is no list", { lends: { ...lends, gpus: 2 } }, {}, [{ lasting: true }]],
  ];
  it.each(rows)("%s", (_title, change, gpu, expected) => {
    const refusals = gpuRefusals(factsOf(change), gpu);
    expect(refusals).toHaveLength(expected.length);
    expect(refusals).toMatchObject(expected);
    if (expected.length === 1 && !("lasting" in (expected[0] ?? {}))) expect(refusals[0]).not.toHaveProperty("lasting");
  });
});

describe("the GPUs of this machine", () => {
  it("are facts for its own jobs, too", () => {
    const limits = effectiveLimits({}, { cpus: 8, memoryBytes: 16 * gibibyte, diskBytes: 500 * gibibyte });
    const allocated = { cpu: 0, memoryBytes: 0, diskBytes: 0, jobs: 0 };
    const gpus = ownGpus(cards, new Set(["GPU-a"]), Infinity);
    const facts = factsOfSelf({ node: "n", name: "alice", limits, allocated, cpuCount: 8, gpus });
    expect(gpuRefusals(facts, { model: "rtx" })).toEqual([]);
    expect(gpuRefusals(facts, { model: "a100" })).toMatchObject([{ free: 0 }]);
  });

  it("change what is run, and so its hash", () => {
    const spec = { specSha256: "5".repeat(64) };
    const hashes = [spec, withGpus(spec, undefined), withGpus(spec, ["GPU-a"]), withGpus(spec, ["GPU-b"])];
    expect(new Set(hashes.map(({ specSha256 }) => specSha256)).size).toBe(3);
  });

  it("are asked for now and then, and only others than before are told of", async () => {
    const clock = new FakeClock();
    let [asked, told] = [0, 0];
    let answer: readonly SeenGpu[] | undefined = cards;
    const read = (): Promise<typeof answer> => {
      asked += 1;
      return Promise.resolve(answer);
    };
    const gpus = new MachineGpus({ clock, read, onChange: () => (told += 1) });
    await gpus.refresh();
    await gpus.refresh();
    expect([asked, told, gpus.seen().length]).toEqual([1, 1, 2]);
    answer = cards.map((each) => ({ ...each, usedPercent: 90 }));
    await clock.advance(11_000);
    await gpus.refresh();
    expect([asked, told, gpus.seen()[0]?.usedPercent]).toEqual([2, 1, 90]);
    // A driver that does not answer has not lost its cards.
    answer = undefined;
    await clock.advance(11_000);
    await gpus.refresh();
    expect([asked, told, gpus.seen().length]).toEqual([3, 1, 2]);
    answer = [];
    await clock.advance(11_000);
    await gpus.refresh();
    expect([asked, told, gpus.seen().length]).toEqual([4, 2, 0]);
  });
});
