import type { Attempt, AttemptSpec, AttemptStatus } from "../../src/resources/attempt.ts";
import type { Job, JobSpec, JobStatus } from "../../src/resources/job.ts";

const createdAt = "2026-01-01T00:00:00Z";

export interface JobDraft {
  readonly name?: string;
  readonly generation?: number;
  readonly deleted?: boolean;
  readonly spec?: Partial<JobSpec>;
  readonly status?: JobStatus;
}

export function aJob(draft: JobDraft = {}): Job {
  return {
    apiVersion: "homie.dev/v1",
    kind: "Job",
    metadata: {
      name: draft.name ?? "train",
      uid: "11111111-1111-4111-8111-111111111111",
      generation: draft.generation ?? 1,
      resourceVersion: "1",
      creationTimestamp: createdAt,
      finalizers: ["homie.dev/cleanup"],
      ...(draft.deleted === true ? { deletionTimestamp: createdAt } : {}),
    },
    spec: { command: ["true"], image: "busybox", ...draft.spec } as JobSpec,
    ...(draft.status === undefined ? {} : { status: draft.status }),
  };
}

export const anAttemptSpec: AttemptSpec = {
  job: { name: "train", uid: "11111111-1111-4111-8111-111111111111", generation: 1 },
  attempt: 1,
  specSha256: "abc",
  runtime: "docker",
  image: "busybox",
  argv: ["true"],
  env: [],
  workingDir: "",
  network: "none",
  resources: { cpu: 1, memoryBytes: 2 ** 30, diskBytes: 2 ** 30, pids: 512 },
  sources: { exclude: [], files: [] },
  outputs: [],
};

export interface AttemptDraft {
  readonly attempt?: number;
  readonly generation?: number;
  readonly deleted?: boolean;
  readonly spec?: Partial<AttemptSpec>;
  readonly status?: Partial<AttemptStatus>;
}

export function anAttempt(draft: AttemptDraft = {}): Attempt {
  const number = draft.attempt ?? 1;
  const job = { ...anAttemptSpec.job, generation: draft.generation ?? 1 };
  return {
    apiVersion: "homie.dev/v1",
    kind: "Attempt",
    metadata: {
      name: `${job.uid}-${number}`,
      uid: "22222222-2222-4222-8222-222222222222",
      generation: 1,
      resourceVersion: "1",
      creationTimestamp: createdAt,
      finalizers: ["homie.dev/cleanup"],
      ...(draft.deleted === true ? { deletionTimestamp: createdAt } : {}),
    },
    spec: { ...anAttemptSpec, job, attempt: number, ...draft.spec },
    ...(draft.status === undefined ? {} : { status: { phase: "Created", createdAt, ...draft.status } }),
  };
}
