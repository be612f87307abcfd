import type { JobSpec, JobStatus } from "./generated/types.ts";
import type { Resource } from "./types.ts";

export type { CollectedFile, JobOutput, JobPhase, JobResources, JobSpec, JobStatus } from "./generated/types.ts";
export type Job = Resource<"Job", JobSpec, JobStatus>;
