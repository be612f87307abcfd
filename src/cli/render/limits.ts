import { renderBytes } from "./duration.ts";
import type { ApiObject } from "./objects.ts";
import { renderTable } from "./table.ts";

type Numbers = Readonly<Record<string, unknown>>;

/** What others may use of this machine, what that came to, and what is in use. */
export function describeLimits(limits: ApiObject): string {
  const spec = limits.spec ?? {};
  const allocatable = (limits.status?.["allocatable"] ?? {}) as Numbers;
  const allocated = (limits.status?.["allocated"] ?? {}) as Numbers;
  const bytes = (value: unknown): string => (typeof value === "number" ? renderBytes(value) : "-");
  const count = (value: unknown): string => (typeof value === "number" ? String(Number(value.toFixed(2))) : "-");
  const asked = (value: unknown): string => (value === undefined ? "default" : String(value as string | number));
  return renderTable(
    ["Limit", "Set to", "In force", "In use"],
    [
      ["cpu", asked(spec["cpu"]), count(allocatable["cpu"]), count(allocated["cpu"])],
      ["memory", asked(spec["memory"]), bytes(allocatable["memoryBytes"]), bytes(allocated["memoryBytes"])],
      ["disk", asked(spec["disk"]), bytes(allocatable["diskBytes"]), bytes(allocated["diskBytes"])],
      ["gpus", spec["gpus"] === undefined ? "all" : asked(spec["gpus"]), "-", "-"],
      ["max-jobs", asked(spec["maxJobs"]), count(allocatable["jobs"]), count(allocated["jobs"])],
      ["timeout", spec["timeoutSeconds"] === undefined ? "default" : `${asked(spec["timeoutSeconds"])} s`, "-", "-"],
      ["pids", asked(spec["pids"]), "-", "-"],
      ["runtime", asked(spec["runtime"]), "-", "-"],
      ["snoozed until", spec["snoozedUntil"] === undefined ? "-" : asked(spec["snoozedUntil"]), "-", "-"],
    ],
  );
}
