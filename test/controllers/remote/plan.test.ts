import { describe, expect, it } from "vitest";
import type { RemoteActual } from "../../../src/controllers/remote/actions.ts";
import { lostAfter, planRemote } from "../../../src/controllers/remote/plan.ts";
import { summarizeRemote } from "../../../src/controllers/remote/summarize.ts";
import type { AttemptReport } from "../../../src/resources/attempt.ts";
import { anAttempt, type AttemptDraft } from "../../support/builders.ts";

const now = new Date("2026-01-01T00:10:00Z");
const atLeastOnce = {
  executor: { node: "node-bob", peer: "bob", guarantee: "AtLeastOnce", leaseSeconds: 90 },
} as const;
const atMostOnce = { executor: { ...atLeastOnce.executor, guarantee: "AtMostOnce" } } as const;
const stop = { reason: "Cancelled", message: "by me" } as const;
const begun = { phase: "Running", staged: true, startIntent: true } as const;
const over = { phase: "Finished", reason: "Completed", staged: true, startIntent: true } as const;
const answers: RemoteActual = { sight: { silentMs: 100, unknown: false } };
const createdAt = "2026-01-01T00:00:00Z";
const reports = (phase: AttemptReport["phase"]): RemoteActual => ({
  sight: { silentMs: 100, unknown: false, report: { phase, createdAt } },
});
const silent = (silentMs: number): RemoteActual => ({ sight: { silentMs, unknown: false } });

const rows: readonly [string, AttemptDraft, RemoteActual, readonly string[], string][] = [
  ["a granted attempt is staged", {}, answers, ["Stage"], "Created"],
  ["while it is staged nothing else happens", {}, { ...answers, operation: "Stage" }, [], "Staging"],
  ["staging that is not wanted ends", { spec: { stop } }, { ...answers, operation: "Stage" }, ["Abort"], "Staging"],
  ["nobody stages a cancelled attempt", { spec: { stop } }, answers, ["Finish"], "Created"],
  ["staging that finds nobody gives up in time", {}, { ...answers, stageFailingMs: 30_000 }, ["Finish"], "Created"],
  ["what is staged begins", { status: { phase: "Staging", staged: true } }, answers, ["Begin"], "Staging"],
  [
    "what was cancelled before never begins",
    { spec: { stop }, status: { staged: true } },
    answers,
    ["Finish"],
    "Staging",
  ],
  ["what has begun is followed", { status: begun }, reports("Running"), [], "Running"],
  ["after a restart it is where it was", { status: begun }, answers, [], "Running"],
  ["a cancelled attempt is stopped there", { spec: { stop }, status: begun }, reports("Running"), ["Stop"], "Running"],
  ["it is told once", { spec: { stop }, status: begun }, { ...reports("Running"), stopTold: true }, [], "Running"],
  ["what has finished there comes home", { status: begun }, reports("Finished"), ["Collect"], "Collecting"],
  [
    "an executor that does not know it has lost it",
    { status: begun },
    { sight: { silentMs: 0, unknown: true } },
    ["Finish"],
    "Running",
  ],
  ["a silent executor is waited for", { status: begun }, silent(44_000), [], "Running"],
  ["an executor silent for 45 s has lost it", { status: begun }, silent(45_000), ["Finish"], "Running"],
  [
    "AtMostOnce waits until the lease is surely over",
    { spec: atMostOnce, status: begun },
    silent(100_000),
    [],
    "Running",
  ],
  ["AtMostOnce then gives it up", { spec: atMostOnce, status: begun }, silent(106_801), ["Finish"], "Running"],
  ["a cancelled one is given up sooner", { spec: { stop }, status: begun }, silent(10_000), ["Finish"], "Running"],
  ["but not by AtMostOnce", { spec: { ...atMostOnce, stop }, status: begun }, silent(10_000), ["Stop"], "Running"],
  ["results stay there until they are published", { status: { ...over, collected: true } }, answers, [], "Finished"],
  [
    "published ones are let go there",
    { spec: { release: true }, status: { ...over, collected: true } },
    answers,
    ["Dismiss"],
    "Finished",
  ],
  [
    "a lost attempt is fenced when its executor is back",
    { status: { ...over, reason: "PeerLost" } },
    answers,
    ["Dismiss"],
    "Finished",
  ],
  [
    "as long as it is away nothing can be told",
    { status: { ...over, reason: "PeerLost" } },
    silent(60_000),
    [],
    "Finished",
  ],
  [
    "what is let go there goes here",
    { spec: { release: true }, status: { ...over, collected: true, dismissed: true } },
    answers,
    ["Release"],
    "Finished",
  ],
  ["a deleted attempt finishes first", { deleted: true, status: begun }, reports("Running"), ["Finish"], "Running"],
  [
    "then its executor is told",
    { deleted: true, status: { ...over, collected: true } },
    answers,
    ["Dismiss"],
    "Finished",
  ],
  ["then it is forgotten", { deleted: true, status: { ...over, dismissed: true } }, answers, ["Forget"], "Finished"],
];

describe("plan and status of an attempt on another machine", () => {
  it("staging that an executor could not do says in its words why", () => {
    const actual = { ...answers, stageFailingMs: 31_000, stageFailure: "cannot write: no space left on the disk" };
    expect(planRemote(anAttempt({ spec: atLeastOnce }), actual)).toEqual([
      {
        type: "Finish",
        reason: "PeerLost",
        message: "bob has not taken the job in for 31 s: cannot write: no space left on the disk",
      },
    ]);
  });
  it.each(rows)("%s", (_title, draft, actual, actions, phase) => {
    const attempt = anAttempt({ ...draft, spec: { ...atLeastOnce, ...draft.spec } });
    expect(planRemote(attempt, actual).map(({ type }) => type)).toEqual(actions);
    expect(summarizeRemote(attempt, actual, now).status.phase).toBe(phase);
  });

  it("says since when the executor is silent, and does not say it anew", () => {
    const attempt = anAttempt({ spec: atLeastOnce, status: begun });
    const { status } = summarizeRemote(attempt, silent(12_000), now);
    expect(status.silentSince).toBe("2026-01-01T00:09:48Z");
    const later = summarizeRemote({ ...attempt, status }, silent(20_000), new Date(now.getTime() + 8_000));
    expect(later.status).toEqual(status);
    expect(summarizeRemote({ ...attempt, status }, reports("Running"), now).status.silentSince).toBeUndefined();
  });

  it("calls an AtMostOnce attempt lost only after the executor has stopped it, even with a clock 2 % too slow", () => {
    const leaseMs = 90_000;
    const graceMs = 10_000;
    expect(lostAfter(anAttempt({ spec: atMostOnce }))).toBeGreaterThan(leaseMs * 1.02 + graceMs);
  });
});
