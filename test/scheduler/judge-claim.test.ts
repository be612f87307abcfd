import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LimitsSpec } from "../../src/resources/limits.ts";
import { effectiveLimits } from "../../src/scheduler/effective-limits.ts";
import { judgeClaim } from "../../src/scheduler/judge-claim.ts";
import type { Claim, Deny, Grant, MachineNow } from "../../src/scheduler/judge-claim.ts";
import { lendingRules } from "../../src/scheduler/lending-rules.ts";
import { gibibyte, nowMs } from "./crew.ts";

const size = { cpus: 8, memoryBytes: 16 * gibibyte, diskBytes: 100 * gibibyte };
const nothing = { cpu: 0, memoryBytes: 0, diskBytes: 0, jobs: 0, gpus: 0 };
const gpus = [
  { model: "RTX 3080", memoryBytes: 10 * gibibyte, free: true },
  { model: "RTX 3080", memoryBytes: 10 * gibibyte, free: false },
];
const claim: Claim = {
  submitter: "alice",
  own: false,
  image: "python:3.12",
  network: "none",
  cpu: 2,
  memoryBytes: 4 * gibibyte,
  diskBytes: 10 * gibibyte,
};

function judge(spec: LimitsSpec, asked: Partial<Claim> = {}, machine: Partial<MachineNow> = {}): Grant | Deny {
  const limits = { effective: effectiveLimits(spec, size), rules: lendingRules(spec, "Etc/UTC") };
  return judgeClaim({ ...claim, ...asked }, limits, { nowMs, allocated: nothing, gpus, ...machine });
}

// 2026-11-22T21:00:00Z is a Sunday, 22:00 in Berlin.
const refused: [string, LimitsSpec, Partial<Claim>, Partial<MachineNow>, object][] = [
  [
    "cpu in use",
    { cpu: 3 },
    {},
    { allocated: { ...nothing, cpu: 1.5 } },
    { limit: "cpu", need: "2", free: "1.5", message: "cpu: needs 2, 1.5 of 3 is free", lasting: false },
  ],
  [
    "more cpu than lent",
    { cpu: 1 },
    {},
    {},
    { limit: "cpu", need: "2", free: "1", message: "cpu: needs 2, this machine lends 1", lasting: true },
  ],
  [
    "memory in use",
    { memory: "6Gi" },
    {},
    { allocated: { ...nothing, memoryBytes: 4 * gibibyte } },
    { limit: "memory", need: "4Gi", free: "2Gi", lasting: false },
  ],
  [
    "memory its owner uses",
    {},
    {},
    { memoryFreeBytes: gibibyte },
    { limit: "memory", need: "4Gi", free: "1Gi", lasting: false },
  ],
  ["more memory than lent", { memory: "1Gi" }, {}, {}, { limit: "memory", need: "4Gi", free: "1Gi", lasting: true }],
  ["more disk than lent", { disk: "1Gi" }, {}, {}, { limit: "disk", need: "10Gi", free: "1Gi", lasting: true }],
  ["a full disk", {}, {}, { diskFreeBytes: gibibyte }, { limit: "disk", need: "10Gi", free: "1Gi", lasting: false }],
  ["a GPU that is taken", {}, { gpu: { count: 2 } }, {}, { limit: "gpus", need: "2", free: "1", lasting: false }],
  [
    "more GPUs than lent",
    { gpus: 1 },
    { gpu: { count: 2 } },
    {},
    { limit: "gpus", need: "2", free: "0", lasting: true },
  ],
  [
    "the last lent GPU taken",
    { gpus: 1 },
    { gpu: { count: 1 } },
    {},
    { limit: "gpus", need: "1", free: "0", lasting: false },
  ],
  [
    "no GPU of the model",
    {},
    { gpu: { count: 1, model: "a100" } },
    {},
    { limit: "gpus", need: "1", free: "0", lasting: true },
  ],
  ["no GPU as large", {}, { gpu: { count: 1, minMemoryBytes: 11 * gibibyte } }, {}, { limit: "gpus", lasting: true }],
  [
    "as many Jobs as allowed",
    { maxJobs: 2 },
    {},
    { allocated: { ...nothing, jobs: 2 } },
    { limit: "maxJobs", need: "1", free: "0", lasting: false },
  ],
  ["no Jobs at all", { maxJobs: 0 }, {}, {}, { limit: "maxJobs", need: "1", free: "0", lasting: true }],
  [
    "more processes than lent",
    { pids: 64 },
    { pids: 65 },
    {},
    { limit: "pids", need: "65", free: "64", lasting: true },
  ],
  [
    "the network",
    {},
    { network: "egress" },
    {},
    { limit: "allow.networks", need: "egress", free: "none", lasting: true },
  ],
  [
    "the submitter",
    { allow: { peers: ["carol"] } },
    {},
    {},
    { limit: "allow.peers", need: "alice", free: "carol", lasting: true },
  ],
  ["everybody", { allow: { peers: [] } }, {}, {}, { limit: "allow.peers", need: "alice", free: "nothing" }],
  [
    "the image",
    { allow: { images: ["python:*", "debian"] } },
    { image: "localhost:5000/python:3.12" },
    {},
    { limit: "allow.images", need: "localhost:5000/python:3.12", free: "python:*, debian:latest", lasting: true },
  ],
  [
    "an image that is not named",
    { allow: { images: ["python:*"] } },
    { image: undefined as unknown as string },
    {},
    { limit: "allow.images", need: "no image" },
  ],
  [
    "a friend's Job without a container",
    { runtime: "process" },
    {},
    {},
    { limit: "runtime", need: "docker", free: "process", lasting: true },
  ],
  [
    "quiet hours, in its own time zone",
    { schedule: { quietHours: ["22:00-08:00"], timeZone: "Europe/Berlin" } },
    {},
    {},
    {
      limit: "schedule.quietHours",
      need: "outside of 22:00-08:00",
      free: "Sun 22:00 (Europe/Berlin)",
      lasting: false,
    },
  ],
  [
    "being in use",
    { idle: { onlyWhenIdle: true } },
    {},
    { inputIdleSeconds: 30 },
    { limit: "idle.onlyWhenIdle", need: "600 s", free: "30 s", lasting: false },
  ],
  [
    "not knowing whether it is in use",
    { idle: { onlyWhenIdle: true, afterMinutes: 1 } },
    {},
    {},
    { limit: "idle.onlyWhenIdle", need: "60 s", free: "unknown" },
  ],
  ["battery", {}, {}, { onBattery: true }, { limit: "power.onBattery", need: "mains power", lasting: false }],
  [
    "a snooze",
    { snoozedUntil: "2026-11-22T23:00:00+01:00" },
    {},
    {},
    { limit: "snoozedUntil", need: "after 2026-11-22T22:00:00.000Z", free: "2026-11-22T21:00:00.000Z", lasting: false },
  ],
];

describe("a claim is denied, with the limit and its numbers, for", () => {
  it.each(refused)("%s", (_title, spec, asked, machine, expected) => {
    const answer = judge(spec, asked, machine);
    expect(answer).toMatchObject({ granted: false, reasons: [expected] });
    const { reasons, waitable } = answer as Deny;
    expect(reasons).toHaveLength(1);
    expect(waitable).toBe(reasons.every(({ lasting }) => !lasting));
  });
});

describe("a claim is granted", () => {
  it.each<[string, LimitsSpec, Partial<Claim>, Partial<MachineNow>]>([
    ["on a free machine without Limits", {}, {}, {}],
    ["with exactly what is left", { cpu: 2, memory: "4Gi", disk: "10Gi", maxJobs: 1 }, {}, {}],
    ["with the GPU that is free", { gpus: 2 }, { gpu: { count: 1, model: "rtx" } }, {}],
    ["to a peer that is named", { allow: { peers: ["alice"] }, runtime: "process" }, {}, {}],
    ["for the network that is allowed", { allow: { networks: ["egress"] } }, { network: "egress" }, {}],
    ["for an image by its long name", { allow: { images: ["python:*"] } }, { image: "docker.io/library/python:3" }, {}],
    ["for a name without tag", { allow: { images: ["docker.io/library/debian"] } }, { image: "debian" }, {}],
    ["outside of quiet hours", { schedule: { quietHours: ["Mon-Sat 21:00-22:00"] } }, {}, {}],
    ["when idle for long enough", { idle: { onlyWhenIdle: true } }, {}, { inputIdleSeconds: 600 }],
    ["on battery where the owner says so", { power: { onBattery: true } }, {}, { onBattery: true }],
    ["when the snooze is over", { snoozedUntil: "2026-11-22T21:00:00Z" }, {}, {}],
  ])("%s", (_title, spec, asked, machine) => {
    expect(judge(spec, asked, machine)).toMatchObject({ granted: true });
  });

  it.each<[string, LimitsSpec, Partial<Claim>, object]>([
    ["without any time limit", {}, {}, { pids: 512, timeoutLowered: false }],
    ["with its own", {}, { timeoutSeconds: 60 }, { timeoutSeconds: 60, timeoutLowered: false }],
    ["with the machine's", { timeoutSeconds: 600 }, {}, { timeoutSeconds: 600, timeoutLowered: false }],
    [
      "with the machine's where it asked for more, and says so",
      { timeoutSeconds: 600, pids: 64 },
      { timeoutSeconds: 7200 },
      { timeoutSeconds: 600, pids: 64, timeoutLowered: true },
    ],
  ])("%s", (_title, spec, asked, expected) => {
    const { granted: _, ...terms } = judge(spec, asked) as Grant;
    expect({ pids: 512, ...expected }).toEqual(terms);
  });
});

const closed: LimitsSpec = {
  cpu: 1,
  memory: "1Gi",
  disk: "1Gi",
  gpus: 0,
  maxJobs: 0,
  pids: 16,
  allow: { peers: [], images: [], networks: [] },
  schedule: { quietHours: ["00:00-00:00"] },
  idle: { onlyWhenIdle: true },
  snoozedUntil: "2027-01-01T00:00:00Z",
};
const greedy: Partial<Claim> = { gpu: { count: 1 }, pids: 512 };

it("every limit that refuses is named, in one answer", () => {
  const answer = judge(closed, greedy, { onBattery: true }) as Deny;
  expect(answer.waitable).toBe(false);
  expect(answer.reasons.map(({ limit }) => limit)).toEqual([
    ...["cpu", "memory", "disk", "gpus", "maxJobs", "pids", "allow.networks", "allow.peers", "allow.images"],
    ...["schedule.quietHours", "idle.onlyWhenIdle", "power.onBattery", "snoozedUntil"],
  ]);
});

it("own Jobs pass what is about others, and no amount", () => {
  const answer = judge({ ...closed, runtime: "process" }, { ...greedy, own: true }, { onBattery: true }) as Deny;
  expect(answer.reasons.map(({ limit }) => limit)).toEqual([
    ...["cpu", "memory", "disk", "gpus", "maxJobs", "pids", "snoozedUntil"],
  ]);
});

it.each([0, -1, Number.NaN, Infinity, -Infinity])("G-09: an amount of %s is refused as such", (amount) => {
  const asked = { cpu: amount, memoryBytes: amount, diskBytes: amount, pids: amount, gpu: { count: amount } };
  const answer = judge({}, asked) as Deny;
  expect(answer.reasons.map(({ limit, lasting }) => [limit, lasting])).toEqual([
    ...["cpu", "memory", "disk", "gpus", "pids"].map((limit) => [limit, true]),
  ]);
});

it("whatever is granted one after the other, the sum stays within what is lent", () => {
  const asks = fc.array(
    fc.record({ cpu: fc.double(), memoryBytes: fc.double(), diskBytes: fc.integer({ min: -5, max: 30 }) }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(asks, (claims) => {
      const held = { ...nothing };
      for (const { cpu, memoryBytes, diskBytes } of claims) {
        const asked = { cpu, memoryBytes, diskBytes: diskBytes * gibibyte };
        if (!judge({ maxJobs: 5 }, asked, { allocated: { ...held } }).granted) continue;
        held.cpu += asked.cpu;
        held.memoryBytes += asked.memoryBytes;
        held.diskBytes += asked.diskBytes;
        held.jobs += 1;
      }
      for (const amount of Object.values(held)) expect(amount).toBeGreaterThanOrEqual(0);
      expect(held.cpu).toBeLessThanOrEqual(8 + 1e-3);
      expect(held.memoryBytes).toBeLessThanOrEqual(size.memoryBytes);
      expect(held.diskBytes).toBeLessThanOrEqual(size.diskBytes);
      expect(held.jobs).toBeLessThanOrEqual(5);
    }),
  );
});
