import { describe, expect, it } from "vitest";
import type { AttemptActual } from "../../../src/controllers/attempt/actions.ts";
import { planAttempt } from "../../../src/controllers/attempt/plan.ts";
import type { RuntimeFacts } from "../../../src/controllers/attempt/ports.ts";
import { anAttempt, type AttemptDraft } from "../../support/builders.ts";

const now = new Date("2026-01-01T00:10:00Z");
const staged = { phase: "Staging", staged: true } as const;
const created: RuntimeFacts = { phase: "created", containerId: "c", specSha256: "abc" };
const running: RuntimeFacts = { ...created, phase: "running", startedAt: "2026-01-01T00:00:00Z" };
const exited: RuntimeFacts = {
  ...running,
  phase: "exited",
  exitCode: 0,
  finishedAt: "2026-01-01T00:01:00Z",
  oomKilled: false,
};
const stop = { reason: "Cancelled", message: "by alice" } as const;

function actual(draft: Partial<AttemptActual> = {}): AttemptActual {
  return {
    facts: { phase: "absent" },
    capture: { phase: "none", stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0 },
    health: { ok: true, engine: "fake", version: "1", warnings: [] },
    ...draft,
  };
}

const live = { capture: { phase: "live", stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0 } } as const;
const complete = { capture: { phase: "complete", stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0 } } as const;
const unhealthy = { health: { ok: false, reason: "Unreachable", message: "no", hint: "start it" } } as const;

const rows: readonly [string, AttemptDraft, Partial<AttemptActual>, readonly string[]][] = [
  ["a new attempt is staged", {}, {}, ["Stage"]],
  ["nothing happens while the engine does not answer", {}, unhealthy, []],
  ["nothing happens while it is being staged", {}, { operation: "Stage", operationMs: 10 }, []],
  ["staging nobody wants any more is aborted", { spec: { stop } }, { operation: "Stage", operationMs: 10 }, ["Abort"]],
  [
    "an aborted operation is not aborted again",
    { spec: { stop } },
    { operation: "Stage", operationMs: 10, operationAborted: true },
    [],
  ],
  ["an attempt stopped before it was staged never runs", { spec: { stop } }, {}, ["Finish"]],
  ["a staged attempt is started", { status: staged }, { facts: created }, ["Start"]],
  [
    "a start that was intended and did not happen is made",
    { status: { ...staged, startIntent: true } },
    { facts: created },
    ["Start"],
  ],
  [
    "a staged attempt stopped before its start never runs",
    { status: staged, spec: { stop } },
    { facts: created },
    ["Finish"],
  ],
  ["a container lost before its start is staged anew", { status: staged }, {}, ["Stage"]],
  ["a container lost after its start ends the attempt", { status: { ...staged, startIntent: true } }, {}, ["Finish"]],
  [
    "an adopted program's log is followed again",
    { status: { ...staged, startIntent: true } },
    { facts: running },
    ["ResumeCapture"],
  ],
  ["a running program is left alone", { status: { ...staged, startIntent: true } }, { facts: running, ...live }, []],
  [
    "a program past its time is stopped",
    { status: staged, spec: { timeoutSeconds: 60 } },
    { facts: running, ...live },
    ["Stop"],
  ],
  [
    "a program within its time is left alone",
    { status: staged, spec: { timeoutSeconds: 3600 } },
    { facts: running, ...live },
    [],
  ],
  ["a cancelled program is stopped", { status: staged, spec: { stop } }, { facts: running, ...live }, ["Stop"]],
  [
    "a program that fills the disk is killed",
    { status: staged },
    { facts: running, ...live, diskExcess: { message: "too much" } },
    ["Stop"],
  ],
  [
    "a program that fills the disk in its time of grace is killed",
    { status: { ...staged, stopIntent: { ...stop, at: "2026-01-01T00:09:55Z" } } },
    { facts: running, ...live, stoppingMs: 5_000, diskExcess: { message: "too much" } },
    ["Stop"],
  ],
  [
    "a program that was killed a moment ago is not killed again",
    { status: { ...staged, stopIntent: { ...stop, at: "2026-01-01T00:09:59Z" } } },
    { facts: running, ...live, stoppingMs: 1_000, diskExcess: { message: "too much" } },
    [],
  ],
  [
    "a program that is being stopped is given its time",
    { status: { ...staged, stopIntent: { ...stop, at: "2026-01-01T00:09:55Z" } } },
    { facts: running, ...live, stoppingMs: 5_000 },
    [],
  ],
  [
    "a stop that had no effect is repeated",
    { status: { ...staged, stopIntent: { ...stop, at: "2026-01-01T00:09:00Z" } } },
    { facts: running, ...live, stoppingMs: 60_000 },
    ["Stop"],
  ],
  [
    "a stop that an earlier daemon meant to ask for is asked for",
    { status: { ...staged, stopIntent: { ...stop, at: "2026-01-01T00:09:59Z" } } },
    { facts: running, ...live },
    ["Stop"],
  ],
  [
    "a deleted program that is being stopped is given its time",
    { deleted: true, status: { ...staged, stopIntent: { ...stop, at: "2026-01-01T00:09:55Z" } } },
    { facts: running, ...live, stoppingMs: 5_000 },
    [],
  ],
  ["outputs wait for the log to be complete", { status: staged }, { facts: exited, ...live }, []],
  ["outputs of an ended program are collected", { status: staged }, { facts: exited, ...complete }, ["Collect"]],
  [
    "a finished attempt leaves the engine",
    { status: { phase: "Finished" } },
    { facts: exited, ...complete },
    ["Remove"],
  ],
  ["a finished and removed attempt is converged", { status: { phase: "Finished", removed: true } }, {}, []],
  ["released outputs go", { status: { phase: "Finished", removed: true }, spec: { release: true } }, {}, ["Release"]],
  [
    "a released attempt is converged",
    { status: { phase: "Finished", removed: true, released: true }, spec: { release: true } },
    {},
    [],
  ],
  ["a deleted program is stopped first", { deleted: true, status: staged }, { facts: running, ...live }, ["Stop"]],
  ["a deleted attempt leaves the engine", { deleted: true, status: staged }, { facts: exited, ...live }, ["Remove"]],
  ["a deleted attempt waits for a silent engine", { deleted: true, status: staged }, unhealthy, []],
  [
    "a deleted attempt with nothing left is forgotten",
    { deleted: true, status: { ...staged, removed: true } },
    {},
    ["Forget"],
  ],
];

describe("plan of an attempt", () => {
  it.each(rows)("%s", (_title, draft, seen, expected) => {
    expect(planAttempt(anAttempt(draft), actual(seen), now).map(({ type }) => type)).toEqual(expected);
  });

  it.each(rows)("is the same twice: %s", (_title, draft, seen) => {
    const plan = (): unknown => planAttempt(anAttempt(draft), actual(seen), now);
    expect(plan()).toEqual(plan());
  });

  it("keeps the first reason when a stop is repeated", () => {
    const timeout = { reason: "Timeout", message: "ran longer than 1 s", at: "2026-01-01T00:09:00Z" } as const;
    const attempt = anAttempt({ status: { ...staged, stopIntent: timeout }, spec: { stop } });
    expect(planAttempt(attempt, actual({ facts: running, ...live }), now)).toMatchObject([
      { type: "Stop", reason: "Timeout" },
    ]);
  });
});
