import { describe, expect, it } from "vitest";
import type { JobActual } from "../../../src/controllers/job/actions.ts";
import { planJob } from "../../../src/controllers/job/plan.ts";
import { summarizeJob } from "../../../src/controllers/job/summarize.ts";
import { placeJob, type Placement } from "../../../src/scheduler/place-job.ts";
import type { PeerFacts } from "../../../src/scheduler/peer-facts.ts";
import { peerOf, requestOf } from "../../scheduler/crew.ts";
import { aJob, anAttempt, anAttemptSpec, type JobDraft } from "../../support/builders.ts";

const now = new Date("2026-01-01T00:10:00Z");
const { attempt: _number, job: _job, ...template } = anAttemptSpec;
const placedWith = (spec: JobDraft["spec"], ...peers: readonly PeerFacts[]): Placement =>
  placeJob(requestOf(spec), [peerOf("alice", { own: true }), ...peers], now.getTime());
const ready: Partial<JobActual> = {
  template: { ok: true, template },
  admission: { admitted: true },
  placement: placedWith({}),
};
const finished = { phase: "Finished", finishedAt: "2026-01-01T00:09:59Z", exitCode: 0 } as const;
const succeeded = anAttempt({ status: { ...finished, reason: "Completed", collected: true } });
const failed = anAttempt({ status: { ...finished, reason: "Error", exitCode: 1, message: "exit code 1" } });
const withFiles = anAttempt({
  status: {
    ...finished,
    reason: "Completed",
    collected: true,
    outputs: [{ path: "a", bytes: 1, sha256: "x", rule: 0, executable: false }],
  },
});
const terminal = {
  observedGeneration: 1,
  phase: "Succeeded",
  reason: "Completed",
  message: "",
  completionTime: "2026-01-01T00:09:59Z",
} as const;

function actual(draft: Partial<JobActual> = {}): JobActual {
  return { attempts: [], node: "alice", ...draft };
}

const rows: readonly [string, JobDraft, Partial<JobActual>, readonly string[], string, string][] = [
  ["a new job that fits gets an attempt", {}, ready, ["CreateAttempt"], "Pending", "Queued"],
  ["a job behind others waits", {}, { ...ready, behind: true }, [], "Pending", "Queued"],
  [
    "a job that does not fit now waits",
    {},
    { ...ready, admission: { admitted: false, never: false, limit: "cpu", need: "1", have: "2" } },
    [],
    "Pending",
    "Queued",
  ],
  [
    "a job that can never fit says so",
    {},
    { ...ready, admission: { admitted: false, never: true, limit: "cpu", need: "8", have: "2" } },
    [],
    "Pending",
    "ExceedsLimits",
  ],
  [
    "a snoozing machine takes nothing",
    {},
    { ...ready, snoozedUntil: "2026-01-01T01:00:00Z" },
    [],
    "Pending",
    "Snoozed",
  ],
  [
    "a job without an image waits for its environment",
    {},
    { template: { ok: false, fixable: true, reason: "EnvironmentMissing", message: "no" } },
    [],
    "Pending",
    "EnvironmentMissing",
  ],
  [
    "a job that cannot be right fails",
    {},
    { template: { ok: false, fixable: false, reason: "InvalidScript", message: "no" } },
    [],
    "Failed",
    "InvalidScript",
  ],
  ["a suspended job waits", { spec: { suspend: true } }, ready, [], "Pending", "Suspended"],
  ["a job of another submitter is left alone", { spec: { submitter: "bob" } }, ready, [], "Pending", "NotSubmitter"],
  [
    "a machine whose own engine is away waits for it",
    {},
    { ...ready, template: { ok: true, template, engineProblem: "docker is not there" } },
    [],
    "Pending",
    "EngineUnavailable",
  ],
  ["a job pinned to this peer runs", { spec: { peer: "alice" } }, ready, ["CreateAttempt"], "Pending", "Queued"],
  [
    "a job cancelled while it waits is over",
    {},
    { ...ready, cancel: { message: "by me" } },
    [],
    "Cancelled",
    "Cancelled",
  ],
  ["a job that waited too long fails", { spec: { queueTimeoutSeconds: 60 } }, ready, [], "Failed", "QueueTimeout"],
  ["a staging attempt shows", {}, { attempts: [anAttempt()] }, [], "Staging", "PreparingContainer"],
  [
    "a running attempt shows",
    {},
    { attempts: [anAttempt({ status: { phase: "Running" } })] },
    [],
    "Running",
    "ProgramRunning",
  ],
  [
    "a cancelled job stops its attempt",
    {},
    { attempts: [anAttempt({ status: { phase: "Running" } })], cancel: { message: "by me" } },
    ["StopAttempt"],
    "Running",
    "StoppingCancelled",
  ],
  ["a success without files is over", {}, { attempts: [succeeded] }, [], "Succeeded", "Completed"],
  ["files are published first", {}, { attempts: [withFiles] }, ["PublishOutputs"], "Collecting", "PublishingOutputs"],
  [
    "published files end the job",
    {},
    { attempts: [withFiles], published: { files: [], path: "/r", diverted: [] } },
    [],
    "Succeeded",
    "Completed",
  ],
  ["a failure without retries is final", {}, { attempts: [failed] }, [], "Failed", "Error"],
  [
    "a failure with retries left backs off",
    { spec: { backoffLimit: 1 } },
    { attempts: [failed] },
    ["ReleaseAttempt"],
    "Pending",
    "BackingOff",
  ],
  [
    "a second failure of one retry is final",
    { spec: { backoffLimit: 1 } },
    { attempts: [failed, anAttempt({ attempt: 2, status: { ...finished, reason: "Error" } })] },
    [],
    "Failed",
    "Error",
  ],
  [
    "a lost container is tried again without counting",
    {},
    { attempts: [anAttempt({ status: { ...finished, reason: "ContainerLost" } })], ...ready },
    ["ReleaseAttempt", "CreateAttempt"],
    "Pending",
    "Queued",
  ],
  [
    "a lost container ends a job that may run once",
    { spec: { guarantee: "AtMostOnce" } },
    { attempts: [anAttempt({ status: { ...finished, reason: "ContainerLost" } })] },
    [],
    "Failed",
    "ContainerLost",
  ],
  [
    "a changed spec stops what runs",
    { generation: 2 },
    { attempts: [anAttempt({ status: { phase: "Running" } })] },
    ["StopAttempt"],
    "Pending",
    "Superseding",
  ],
  [
    "a changed spec removes what has ended",
    { generation: 2 },
    { attempts: [succeeded] },
    ["ReleaseAttempt", "DeleteAttempt"],
    "Pending",
    "Superseding",
  ],
  [
    "a finished job releases its attempt",
    { status: terminal },
    { attempts: [succeeded] },
    ["ReleaseAttempt"],
    "Succeeded",
    "Completed",
  ],
  [
    "a finished and released job is converged",
    { status: terminal },
    { attempts: [anAttempt({ spec: { release: true }, status: { ...finished, reason: "Completed" } })] },
    [],
    "Succeeded",
    "Completed",
  ],
  [
    "a finished job past its ttl is deleted",
    { status: terminal, spec: { ttlSecondsAfterFinished: 0 } },
    {},
    ["DeleteJob"],
    "Succeeded",
    "Completed",
  ],
  [
    "a deleted job deletes its attempts",
    { deleted: true },
    { attempts: [anAttempt({ status: { phase: "Running" } })] },
    ["DeleteAttempt"],
    "Pending",
    "Deleting",
  ],
  [
    "a deleted job waits for its attempts",
    { deleted: true },
    { attempts: [anAttempt({ deleted: true })] },
    [],
    "Pending",
    "Deleting",
  ],
  ["a deleted job without attempts is let go", { deleted: true }, {}, ["DropFinalizer"], "Pending", "Deleting"],
];

describe("plan and status of a job", () => {
  it.each(rows)("%s", (_title, draft, seen, actions, phase, reason) => {
    const job = aJob(draft);
    expect(planJob(job, actual(seen), now).map(({ type }) => type)).toEqual(actions);
    expect(summarizeJob(job, actual(seen), now).status).toMatchObject({ phase, reason });
  });

  it.each(rows)("is the same twice: %s", (_title, draft, seen) => {
    const both = (): unknown => [planJob(aJob(draft), actual(seen), now), summarizeJob(aJob(draft), actual(seen), now)];
    expect(both()).toEqual(both());
  });

  it("never changes a terminal phase within a generation", () => {
    const job = aJob({ status: terminal });
    const seen = actual({ attempts: [failed], cancel: { message: "too late" } });
    expect(summarizeJob(job, seen, now).status).toBe(job.status);
  });

  it("goes on counting attempts over generations, so that no container's name is used twice", () => {
    const job = aJob({ generation: 2, status: { ...terminal, attempt: 3 } });
    expect(planJob(job, actual(ready), now)).toMatchObject([{ type: "CreateAttempt", attempt: 4 }]);
  });

  it("doubles the wait between tries up to five minutes", () => {
    const attempts = [1, 2, 3].map((attempt) => anAttempt({ attempt, status: { ...finished, reason: "Error" } }));
    const { result } = summarizeJob(aJob({ spec: { backoffLimit: 9 } }), actual({ attempts }), now);
    expect(result.requeueAfterMs).toBe(39_000);
  });
});
