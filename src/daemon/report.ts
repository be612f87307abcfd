import { askFreeSpace } from "../adapters/disk/free-space.ts";
import type { StatusReport } from "../api/ports.ts";
import type { RuntimeHealth } from "../controllers/attempt/ports.ts";
import type { Job } from "../resources/job.ts";
import type { Crew } from "./crew.ts";
import type { HomeServices } from "./home-services.ts";
import { describeSkews } from "./peer-clocks.ts";
import { packageVersion } from "./version.ts";
import type { Wiring } from "./wiring.ts";

export interface ReportFacts {
  readonly name: string;
  readonly node: string;
  readonly uptimeSeconds: number;
  /** Absent without a daemon. */
  readonly wiring?: Wiring;
  /** Why nothing happened for a while; absent without a daemon. */
  readonly heldUp?: string;
  /** Absent without a crew. */
  readonly crew?: Pick<Crew, "warnings" | "clocks">;
}

/** What `homie status` prints. */
export async function reportStatus(services: HomeServices, facts: ReportFacts): Promise<StatusReport> {
  const { store, paths, loop } = services;
  const { wiring, crew } = facts;
  const clocks = crew?.clocks();
  const health = await wiring?.health();
  return {
    name: facts.name,
    node: facts.node,
    pid: process.pid,
    version: packageVersion(),
    home: paths.root,
    ready: wiring !== undefined,
    engine: engineOf(health),
    runtime: wiring?.limits().runtime ?? "docker",
    uptimeSeconds: facts.uptimeSeconds,
    problems: store.problems().length,
    warnings: [
      ...warningsOf(health, loop.degraded()),
      ...(facts.heldUp === undefined ? [] : [facts.heldUp]),
      ...(await diskWarnings(paths.root)),
      ...(crew?.warnings() ?? []),
      ...describeSkews(clocks ?? []),
    ],
    ...(clocks === undefined ? {} : { clocks }),
    jobs: countPhases(store.list<Job>("Job")),
  };
}

function engineOf(health: RuntimeHealth | undefined): string {
  if (health === undefined) return "none: no daemon runs";
  return health.ok ? `${health.engine} ${health.version}`.trim() : `none: ${health.message}`;
}

function warningsOf(health: RuntimeHealth | undefined, degraded: string | undefined): readonly string[] {
  const warnings = health?.ok === true ? health.warnings : [];
  return degraded === undefined ? warnings : [...warnings, degraded];
}

/** Less than this and the database, the logs and the results stop growing one after the other. */
const leastFreeBytes = 16 * 2 ** 20;

async function diskWarnings(root: string): Promise<readonly string[]> {
  const free = await askFreeSpace(root);
  if (free === undefined || free.bytes >= leastFreeBytes) return [];
  return [`the disk of ${root} is full: ${free.bytes} bytes are left; jobs go on, but nothing new can be written down`];
}

function countPhases(jobs: readonly Job[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of jobs) {
    const phase = status?.phase ?? "Pending";
    counts[phase] = (counts[phase] ?? 0) + 1;
  }
  return counts;
}
