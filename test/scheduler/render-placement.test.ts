import { describe, expect, it } from "vitest";
import type { JobPlacement } from "../../src/resources/generated/types.ts";
import { placeJob } from "../../src/scheduler/place-job.ts";
import { placementRequest } from "../../src/scheduler/placement-request.ts";
import { placementStatus, renderPlacement } from "../../src/scheduler/render-placement.ts";
import type { PeerFacts } from "../../src/scheduler/peer-facts.ts";
import { buildTemplate } from "../../src/controllers/job/template.ts";
import { effectiveLimits } from "../../src/scheduler/effective-limits.ts";
import { gibibyte, nowMs, peerOf, requestOf, uid } from "./crew.ts";

const far: Partial<PeerFacts> = { missingBytes: 812 * 2 ** 20, bytesPerSecond: 40 * 2 ** 20 };
const crew = [
  peerOf("alice", { own: true }),
  peerOf("amy", far),
  peerOf("bob"),
  peerOf("carl", { memoryBytes: { total: 16 * gibibyte, free: 2.1 * gibibyte }, cpu: { total: 8, free: 1.5 } }),
  peerOf("dora", { phase: "Offline", silentMs: 45_000 }),
];
const asked = requestOf();

describe("homie why", () => {
  it("has a row for each peer: the chosen one, the possible ones, the refused ones", () => {
    const rows = renderPlacement(placeJob(asked, crew, nowMs));
    expect(rows.map(({ peer, verdict, score, because, hint }) => [peer, verdict, score, because, hint])).toEqual([
      ["bob", "chosen", 77.5, "highest score", undefined],
      ["amy", "possible", 67.4, "slower start: 812Mi missing there, 20 s (start: 10.1 points behind)", undefined],
      ["alice", "possible", 77.5, "own machine: only when no other peer can take it", undefined],
      [
        "carl",
        "refused",
        undefined,
        "InsufficientCpu: needs 2, has 1.5; InsufficientMemory: needs 4Gi, has 2.1Gi",
        "wait until it is free, or lower spec.resources.cpu",
      ],
      [
        "dora",
        "refused",
        undefined,
        "NotOnline: needs Online, has silent for 45 s",
        "it gets work again as soon as it is heard of",
      ],
    ]);
    expect(rows[0]?.terms).toEqual({
      ...{ fit: 22.5, idle: 20, start: 25, speed: 5, reliability: 5, affinity: 0 },
      ...{ failedBefore: 0, idleGpu: 0, battery: 0, relayed: 0 },
    });
  });

  it.each<[string, readonly PeerFacts[], string]>([
    ["the only one", [peerOf("bob")], "the only peer that can take it"],
    ["the own machine", [peerOf("bob", { own: true })], "own machine: no other peer can take it"],
    ["one of two equals", [peerOf("bob"), peerOf("carl")], "within one point of 1 other, drawn by hash"],
    [
      "one of three",
      ["bob", "carl", "dora"].map((name) => peerOf(name)),
      "within one point of 2 others, drawn by hash",
    ],
  ])("says when the chosen peer is %s", (_title, peers, because) => {
    expect(renderPlacement(placeJob(asked, peers, nowMs))[0]?.because).toBe(because);
  });

  it("says one line per peer when nobody can take it", () => {
    const wanted = requestOf({ resources: { gpu: { model: "RTX 3080", minMemory: "10Gi" } } });
    const rows = renderPlacement(
      placeJob(wanted, [peerOf("bob"), peerOf("carl", { snoozedUntilMs: nowMs + 5000 })], nowMs),
    );
    expect(rows.map(({ peer, because }) => `${peer}: ${because}`)).toEqual([
      "bob: InsufficientGpu: needs 1 x RTX 3080 of 10Gi, has 0",
      "carl: InsufficientGpu: needs 1 x RTX 3080 of 10Gi, has 0; Snoozed: needs awake, has 5 s left",
    ]);
  });
});

it("the placement block of status says the same in the words of the schema", () => {
  const status: JobPlacement = placementStatus(placeJob(asked, crew, nowMs), "2026-11-22T21:00:00Z");
  expect(status["decidedAt"]).toBe("2026-11-22T21:00:00Z");
  expect(status.chosen).toMatchObject({ peer: "bob", score: 77.5, terms: { fit: 22.5 }, because: "highest score" });
  expect(status.others?.map(({ peer }) => peer)).toEqual(["amy", "alice"]);
  expect(status.rejected?.[0]).toEqual({
    peer: "carl",
    reason: "InsufficientCpu",
    need: "2",
    free: "1.5",
    hint: "wait until it is free, or lower spec.resources.cpu",
    also: [
      {
        reason: "InsufficientMemory",
        need: "4Gi",
        free: "2.1Gi",
        hint: "wait until it is free, or lower spec.resources.memory",
      },
    ],
  });
  const nobody = placementStatus(placeJob(asked, [], nowMs), "2026-11-22T21:00:00Z");
  expect(nobody).toEqual({ decidedAt: "2026-11-22T21:00:00Z", others: [], rejected: [] });
});

it("a Job that says nothing asks peers for what it gets at home", () => {
  const size = { cpus: 1024, memoryBytes: 2 ** 50, diskBytes: 2 ** 50 };
  const spec = { command: ["true"], image: "python" };
  const metadata = { name: "job", uid, generation: 1, resourceVersion: "1", creationTimestamp: "2026-11-22T21:00:00Z" };
  const built = buildTemplate(
    { apiVersion: "homie.dev/v1", kind: "Job", metadata, spec },
    {
      baseDirectory: "/job",
      homeDirectory: "/home",
      limits: effectiveLimits({}, size),
      environments: new Map(),
      scriptArgv: () => [],
      sha256: () => "",
    },
  );
  const { cpu, memoryBytes, diskBytes } = placementRequest(spec, { uid, submitter: "alice" });
  expect(built).toMatchObject({
    template: { resources: { cpu: cpu.amount, memoryBytes: memoryBytes.amount, diskBytes: diskBytes.amount } },
  });
});
