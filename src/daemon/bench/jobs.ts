import { callApi, watchApi } from "./api.ts";

export const benchResources = { cpu: 1, memory: "512Mi" } as const;

/** Declares a Job over the API. */
export async function declareJob(socket: string, name: string, spec: object): Promise<void> {
  const job = { apiVersion: "homie.dev/v1", kind: "Job", metadata: { name }, spec };
  await callApi(socket, "POST", "/apis/homie.dev/v1/jobs", job);
}

/** Resolves once the Job has succeeded; the watch is open before this returns its promise. */
export function jobSucceeds(socket: string, name: string): Promise<void> {
  return watchApi(socket, "/apis/homie.dev/v1/jobs?watch=true", (object) => hasSucceeded(object, name));
}

/** Declares a Job and waits for its success. */
export async function runJob(socket: string, name: string, spec: object): Promise<void> {
  const succeeded = jobSucceeds(socket, name);
  await Promise.all([succeeded, declareJob(socket, name, spec)]);
}

/** Resolves once an attempt of the Job runs on the machine of this socket. */
export function attemptRuns(socket: string, job: string): Promise<void> {
  return attemptReaches(socket, job, "Running");
}

/** Resolves once an attempt of the Job is over, as the machine of this socket knows it. */
export function attemptFinishes(socket: string, job: string): Promise<void> {
  return attemptReaches(socket, job, "Finished");
}

function attemptReaches(socket: string, job: string, phase: string): Promise<void> {
  return watchApi(socket, "/apis/homie.dev/v1/attempts?watch=true", (object) => {
    const { spec, status } = object as { spec?: { job?: { name?: string } }; status?: { phase?: string } };
    return spec?.job?.name === job && status?.phase === phase;
  });
}

const removalMs = 30_000;

/** Resolves once no container of this daemon is left: what uses an image keeps it from being taken away. */
export async function containersAreGone(socket: string): Promise<void> {
  const isLeft = ({ spec, status }: SeenAttempt): boolean => spec.executor === undefined && status?.removed !== true;
  for (const untilMs = performance.now() + removalMs; performance.now() < untilMs;) {
    const list = (await callApi(socket, "GET", "/apis/homie.dev/v1/attempts")) as { items: readonly SeenAttempt[] };
    if (!list.items.some(isLeft)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the containers of the bench are not removed");
}

interface SeenAttempt {
  readonly spec: { readonly executor?: object };
  readonly status?: { readonly removed?: boolean };
}

function hasSucceeded(object: unknown, name: string): boolean {
  const { metadata, status } = object as {
    metadata?: { name?: string };
    status?: { phase?: string; message?: string };
  };
  if (metadata?.name !== name) return false;
  if (status?.phase === "Failed") throw new Error(`the job ${name} failed: ${status.message ?? ""}`);
  return status?.phase === "Succeeded";
}
