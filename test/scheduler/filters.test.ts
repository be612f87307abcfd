import { describe, expect, it } from "vitest";
import { refusalsOf } from "../../src/scheduler/filters.ts";
import { emptyHistory } from "../../src/scheduler/history.ts";
import type { PeerFacts } from "../../src/scheduler/peer-facts.ts";
import type { PlacementRequest } from "../../src/scheduler/placement-request.ts";
import { placeJob } from "../../src/scheduler/place-job.ts";
import { gibibyte, nowMs, peerOf, requestOf } from "./crew.ts";

const gpu = (model: string, gibibytes: number, free = true): PeerFacts["gpus"][number] => ({
  model,
  memoryBytes: gibibytes * gibibyte,
  free,
});
type Row = [title: string, facts: Partial<PeerFacts>, request: PlacementRequest, refusal: object];

const refused: Row[] = [
  ["suspect", { phase: "Suspect" }, requestOf(), { reason: "NotOnline", need: "Online", free: "Suspect" }],
  ["offline", { phase: "Offline", silentMs: 45_000 }, requestOf(), { reason: "NotOnline", need: "Online", free: 45 }],
  ["untrusted", { phase: "Untrusted" }, requestOf(), { reason: "NotTrusted", free: "Untrusted" }],
  ["revoked", { phase: "Revoked" }, requestOf(), { reason: "NotTrusted", free: "Revoked" }],
  ["of another protocol", { compatible: false }, requestOf(), { reason: "IncompatibleVersion" }],
  ["cordoned", { cordoned: true }, requestOf(), { reason: "Cordoned" }],
  [
    "quarantined",
    { history: { ...emptyHistory, quarantinedUntilMs: nowMs + 90_000 } },
    requestOf(),
    { reason: "Quarantined", free: 90 },
  ],
  ["not the pinned one", {}, requestOf({ peer: "carol" }), { reason: "NotPinnedPeer", need: "carol", free: "bob" }],
  [
    "without the label",
    { labels: { os: "linux" } },
    requestOf({ peerSelector: { matchLabels: { zone: "attic" } } }),
    { reason: "SelectorMismatch", need: "zone=attic", free: "no zone" },
  ],
  [
    "with another value of the label",
    { labels: { zone: "cellar" } },
    requestOf({ peerSelector: { matchLabels: { zone: "attic" } } }),
    { reason: "SelectorMismatch", need: "zone=attic", free: "zone=cellar" },
  ],
  [
    "not fooled by a label every object seems to have",
    {},
    requestOf({ peerSelector: { matchLabels: { constructor: "x" } } }),
    { reason: "SelectorMismatch", free: "no constructor" },
  ],
  [
    "of another platform",
    { platform: "linux/arm64" },
    requestOf({}, { platform: "linux/amd64" }),
    { reason: "PlatformMismatch", need: "linux/amd64", free: "linux/arm64" },
  ],
  [
    "of a platform it does not tell",
    { platform: "" },
    requestOf({}, { platform: "linux/amd64" }),
    { reason: "PlatformMismatch", free: "unknown" },
  ],
  ["without a GPU", {}, requestOf({ resources: { gpu: {} } }), { reason: "InsufficientGpu", need: "1 x GPU", free: 0 }],
  [
    "with its GPU taken",
    { gpus: [gpu("RTX 3080", 10, false)] },
    requestOf({ resources: { gpu: {} } }),
    { reason: "InsufficientGpu", free: 0 },
  ],
  [
    "with too few GPUs of the model and size",
    { gpus: [gpu("RTX 3080", 10), gpu("RTX 3080", 8), gpu("A100", 80)] },
    requestOf({ resources: { gpu: { count: 2, model: "rtx 3080", minMemory: "10Gi" } } }),
    { reason: "InsufficientGpu", need: "2 x rtx 3080 of 10Gi", free: 1 },
  ],
  ["short of cpu", { cpu: { total: 8, free: 1 } }, requestOf(), { reason: "InsufficientCpu", need: 2, free: 1 }],
  [
    "short of memory for now",
    { memoryBytes: { total: 8 * gibibyte, free: gibibyte } },
    requestOf(),
    {
      reason: "InsufficientMemory",
      need: 4 * gibibyte,
      free: gibibyte,
      hint: "wait until it is free, or lower spec.resources.memory",
    },
  ],
  [
    "short of memory for ever",
    { memoryBytes: { total: 2 * gibibyte, free: gibibyte } },
    requestOf(),
    { reason: "InsufficientMemory", hint: "more than the peer lends: lower spec.resources.memory" },
  ],
  [
    "short of disk",
    { diskBytes: { total: gibibyte, free: gibibyte } },
    requestOf(),
    { reason: "InsufficientDisk", need: 10 * gibibyte, free: gibibyte },
  ],
  ["out of slots", { jobs: { total: 2, free: 0 } }, requestOf(), { reason: "NoJobSlot", need: 1, free: 0 }],
  [
    "without network for Jobs",
    {},
    requestOf({ network: "egress" }),
    { reason: "NetworkNotAllowed", need: "egress", free: "none" },
  ],
  [
    "open to others only",
    { allow: { networks: ["none"], peers: ["carol", "dave", "erin", "frank", "grace"] } },
    requestOf(),
    { reason: "PeerNotAllowed", need: "alice", free: "carol, dave, erin and 2 more" },
  ],
  [
    "open to other images only",
    { allow: { networks: ["none"], images: ["python:*"] } },
    requestOf({}, { image: "evil/python:3.12" }),
    { reason: "ImageNotAllowed", need: "evil/python:3.12", free: "python:*" },
  ],
  [
    "without containers and without the submitter's name",
    { runtime: "process" },
    requestOf(),
    { reason: "RuntimeNotAllowed", need: "docker", free: "process" },
  ],
  ["in its quiet hours", { quiet: true }, requestOf(), { reason: "QuietHours" }],
  ["in use", { onlyWhenIdle: true, idle: false }, requestOf(), { reason: "NotIdle" }],
  ["on battery", { onBattery: true }, requestOf(), { reason: "OnBattery" }],
  ["snoozed", { snoozedUntilMs: nowMs + 60_000 }, requestOf(), { reason: "Snoozed", free: 60 }],
  [
    "where the Job failed twice",
    {},
    requestOf({}, { failedOn: new Map([["node-bob", 2]]) }),
    { reason: "TriedTwice", free: 2 },
  ],
];

describe("a peer is refused that is", () => {
  it.each(refused)("%s", (_title, facts, request, expected) => {
    const bob = peerOf("bob", facts);
    expect(refusalsOf(request, bob, nowMs)).toEqual([expect.objectContaining(expected)]);
    const { chosen, rejected } = placeJob(request, [bob, peerOf("zoe", { cordoned: true })], nowMs);
    expect(chosen).toBeUndefined();
    expect(rejected.map(({ peer }) => peer)).toEqual(["bob", "zoe"]);
  });
});

const taken: [title: string, facts: Partial<PeerFacts>, request: PlacementRequest][] = [
  ["is free", {}, requestOf()],
  ["was quarantined until now", { history: { ...emptyHistory, quarantinedUntilMs: nowMs } }, requestOf()],
  ["was snoozed until now", { snoozedUntilMs: nowMs }, requestOf()],
  ["is the pinned one", {}, requestOf({ peer: "bob" })],
  ["has the labels", { labels: { a: "1", b: "2" } }, requestOf({ peerSelector: { matchLabels: { b: "2", a: "1" } } })],
  ["has just enough", { cpu: { total: 8, free: 2 - 1e-9 }, jobs: { total: 1, free: 1 } }, requestOf()],
  [
    "lends less than a Job gets that asks for nothing",
    { cpu: { total: 0.5, free: 0.5 }, memoryBytes: { total: gibibyte, free: gibibyte } },
    requestOf({ resources: {} }),
  ],
  ["names the submitter", { allow: { networks: ["none"], peers: ["alice"] }, runtime: "process" }, requestOf()],
  [
    "allows the image by another of its names",
    { allow: { networks: ["none"], images: ["python:*"] } },
    requestOf({}, { image: "docker.io/library/python" }),
  ],
  ["takes work on battery", { onBattery: true, takesWorkOnBattery: true }, requestOf()],
  ["is idle", { onlyWhenIdle: true, idle: true }, requestOf()],
  ["failed the Job once", {}, requestOf({}, { failedOn: new Map([["node-bob", 1]]) })],
  [
    "is the own machine, whatever Limits say about others",
    {
      own: true,
      allow: { networks: [], peers: [], images: [] },
      runtime: "process",
      quiet: true,
      onlyWhenIdle: true,
      idle: false,
      onBattery: true,
    },
    requestOf({ network: "egress" }, { image: "any:1" }),
  ],
];

describe("a peer is taken that", () => {
  it.each(taken)("%s", (_title, facts, request) => {
    expect(refusalsOf(request, peerOf("bob", facts), nowMs)).toEqual([]);
  });
});

it("every filter speaks, also after another one has refused", () => {
  const facts: Partial<PeerFacts> = {
    phase: "Offline",
    compatible: false,
    cordoned: true,
    cpu: { total: 1, free: 0 },
    memoryBytes: { total: 1, free: 0 },
    diskBytes: { total: 1, free: 0 },
    jobs: { total: 0, free: 0 },
    allow: { networks: [], peers: [], images: [] },
    runtime: "process",
    quiet: true,
    onlyWhenIdle: true,
    idle: false,
    onBattery: true,
    snoozedUntilMs: nowMs + 1,
    history: { ...emptyHistory, quarantinedUntilMs: nowMs + 1 },
  };
  const spec = { peer: "carol", peerSelector: { matchLabels: { a: "b" } }, resources: { cpu: 2, gpu: {} } };
  const around = { platform: "linux/s390x", image: "a:1", failedOn: new Map([["node-bob", 3]]) };
  expect(refusalsOf(requestOf(spec, around), peerOf("bob", facts), nowMs).map(({ reason }) => reason)).toEqual([
    ...["NotOnline", "IncompatibleVersion", "Cordoned", "Quarantined", "NotPinnedPeer", "SelectorMismatch"],
    ...[
      "PlatformMismatch",
      "InsufficientGpu",
      "InsufficientCpu",
      "InsufficientMemory",
      "InsufficientDisk",
      "NoJobSlot",
    ],
    ...["NetworkNotAllowed", "PeerNotAllowed", "ImageNotAllowed", "RuntimeNotAllowed"],
    ...["QuietHours", "NotIdle", "OnBattery", "Snoozed", "TriedTwice"],
  ]);
});
