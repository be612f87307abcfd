import type { StatusReport } from "../api/ports.ts";
import type { Job } from "../resources/job.ts";
import type { HomeServices } from "./home-services.ts";
import { packageVersion } from "./version.ts";
import type { Wiring } from "./wiring.ts";

export interface ReportFacts {
  readonly name: string;
  readonly node: string;
  readonly uptimeSeconds: number;
  /** Absent without a daemon. */
  readonly wiring?: Wiring;
}

/** What `homie status` prints. */
export async function reportStatus(services: HomeServices, facts: ReportFacts): Promise<StatusReport> {
  const { store, paths, loop } = services;
  const { wiring } = facts;
  const health = await wiring?.health();
  const degraded = loop.degraded();
  const jobs: Record<string, number> = {};
  for (const { status } of store.list<Job>("Job")) {
    const phase = status?.phase ?? "Pending";
    jobs[phase] = (jobs[phase] ?? 0) + 1;
  }
  return {
    name: facts.name,
    node: facts.node,
    pid: process.pid,
    version: packageVersion(),
    home: paths.root,
    ready: wiring !== undefined,
    engine: health === undefined ? "none: no daemon runs" : health.ok ? `${health.engine} ${health.version}`.trim() : `none: ${health.message}`,
    runtime: wiring?.limits().runtime ?? "docker",
    uptimeSeconds: facts.uptimeSeconds,
    problems: store.problems().length,
    warnings: [...(health?.ok === true ? health.warnings : []), ...(degraded === undefined ? [] : [degraded])],
    jobs,
  };
}
