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
const ready: Partial<JobActual> = { template: { ok: true, template }, admission: { admitted: true } };
const finished = { phase: "Finished", finishedAt: "2026-01-01T00:09:59Z" } as const;
const readyFor = (spec: JobDraft["spec"], ...peers: readonly PeerFacts[]): Partial<JobActual> => ({
  ...ready,
  placement: placedWith(spec, ...peers),
});
const bob = peerOf("bob");
const busyBob = peerOf("bob", { cpu: { total: 8, free: 0 } });
const card = { model: "RTX 3060", memoryBytes: 2 ** 30, free: false };
const gpuSpec = { resources: { gpu: { count: 1 } } };
const executor = { node: "node-bob", peer: "bob", guarantee: "AtLeastOnce", leaseSeconds: 90 } as const;
const remote = { executor };
const lostOnBob = { ...finished, reason: "PeerLost", message: "bob has not answered for too long" } as const;

const rows: readonly [string, JobDraft, Partial<JobActual>, readonly string[], string, string][] = [
  [
    "a job pinned to an unknown peer never runs here",
    { spec: { peer: "carl" } },
    readyFor({ peer: "carl" }, bob),
    [],
    "Pending",
    "Unschedulable",
  ],
  ["a job goes to a peer that can take it", {}, readyFor({}, bob), ["Reserve"], "Pending", "Queued"],
  [
    "a job pinned to a busy peer waits for it",
    { spec: { peer: "bob" } },
    readyFor({ peer: "bob" }, busyBob),
    [],
    "Pending",
    "Queued",
  ],
  ["a job runs here when its friends are busy", {}, readyFor({}, busyBob), ["CreateAttempt"], "Pending", "Queued"],
  ["a granted attempt shows as reserved", {}, { attempts: [anAttempt({ spec: remote })] }, [], "Reserved", "Reserved"],
  [
    "an attempt whose executor is silent is unknown",
    {},
    { attempts: [anAttempt({ spec: remote, status: { phase: "Running", silentSince: "2026-01-01T00:09:40Z" } })] },
    [],
    "Unknown",
    "PeerSilent",
  ],
  [
    "an attempt lost with its peer is tried again at once, whatever backoffLimit is",
    {},
    { ...readyFor({}), attempts: [anAttempt({ spec: remote, status: lostOnBob })] },
    ["ReleaseAttempt", "CreateAttempt"],
    "Pending",
    "Queued",
  ],
  [
    "a job is lost only so often",
    {},
    {
      attempts: [1, 2, 3, 4, 5, 6].map((attempt) => anAttempt({ attempt, spec: remote, status: lostOnBob })),
    },
    [],
    "Failed",
    "PeerLost",
  ],
  [
    "nobody waits for an executor that is away to hear of a deletion",
    { deleted: true },
    { attempts: [anAttempt({ deleted: true, spec: remote, status: { ...finished, reason: "Deleted" } })] },
    ["DropFinalizer"],
    "Pending",
    "Deleting",
  ],
  [
    "a job that selects peers by label waits",
    { spec: { peerSelector: { matchLabels: { disk: "ssd" } } } },
    readyFor({ peerSelector: { matchLabels: { disk: "ssd" } } }),
    [],
    "Pending",
    "Unschedulable",
  ],
  [
    "a job waits for a GPU that another one holds",
    { spec: gpuSpec },
    readyFor(gpuSpec, peerOf("bob", { gpus: [card] })),
    [],
    "Pending",
    "Queued",
  ],
  [
    "a job goes where a GPU is free",
    { spec: gpuSpec },
    readyFor(gpuSpec, peerOf("bob", { gpus: [card, { ...card, free: true }] })),
    ["Reserve"],
    "Pending",
    "Queued",
  ],
  [
    "a job does not wait for more GPUs than a peer lends",
    { spec: gpuSpec },
    readyFor(gpuSpec, peerOf("bob", { gpus: [card], gpusLent: { total: 0, free: 0 } })),
    [],
    "Pending",
    "Unschedulable",
  ],
  [
    "a job that needs a GPU waits",
    { spec: { resources: { gpu: { count: 1 } } } },
    readyFor({ resources: { gpu: { count: 1 } } }, bob),
    [],
    "Pending",
    "Unschedulable",
  ],
];

describe("a job and the machines of its crew", () => {
  it.each(rows)("%s", (_title, draft, seen, actions, phase, reason) => {
    const job = aJob(draft);
    const actual = { attempts: [], node: "alice", ...seen };
    expect(planJob(job, actual, now).map(({ type }) => type)).toEqual(actions);
    expect(summarizeJob(job, actual, now).status).toMatchObject({ phase, reason });
  });

  it("looks again at a job that was denied, once the peer may be asked again", () => {
    const denied = { attempts: [], node: "alice", ...readyFor({}, busyBob), behind: true, deniedForMs: 4_000 };
    expect(summarizeJob(aJob(), denied, now).result).toEqual({ requeueAfterMs: 4_000 });
  });

  it("keeps what it said of a placement while scores move", () => {
    const job = aJob();
    const first = summarizeJob(job, { attempts: [], node: "alice", ...readyFor({}, bob) }, now).status;
    const busier = peerOf("bob", { load: 3 });
    const second = { attempts: [], node: "alice", ...readyFor({}, busier) };
    expect(summarizeJob({ ...job, status: first }, second, new Date(now.getTime() + 60_000)).status).toEqual(first);
  });
});
