import type { EngineHealth, EngineReport } from "../../adapters/docker/health.ts";
import { type Check, fail, ok, warn } from "./check.ts";

/** Docker reachable, and able to hold a job in: seccomp, limits of memory, processes and processor, disk. */
export async function checkEngine(health: EngineHealth): Promise<readonly Check[]> {
  const found = await health.check();
  if (!found.ok) {
    return [
      fail(
        "docker",
        found.message,
        `${found.hint}; or run your own jobs without containers: homie config --runtime process`,
      ),
    ];
  }
  const report = await health.report();
  const warnings = found.warnings.map((message) => warn("docker", message, "docs/security.md says what it means"));
  return [
    ok("docker", `${found.engine} ${found.version}, API ${report.apiVersion}`),
    ...warnings,
    seccompOf(report),
    cgroupsOf(report),
    storageOf(report),
  ];
}

function seccompOf(report: EngineReport): Check {
  const on = report.securityOptions.some((option) => option.includes("seccomp"));
  return on
    ? ok("seccomp", "the engine filters system calls")
    : fail("seccomp", "the engine does not filter system calls; jobs are refused", "use an engine built with seccomp");
}

function cgroupsOf(report: EngineReport): Check {
  const missing = [
    report.memoryLimit ? "" : "memory",
    report.swapLimit ? "" : "swap",
    report.pidsLimit ? "" : "pids",
    report.cpuLimit ? "" : "cpu",
  ].filter((limit) => limit !== "");
  if (missing.length === 0) return ok("cgroups", "memory, swap, pids and cpu can be limited");
  return warn(
    "cgroups",
    `cannot be limited here: ${missing.join(", ")}`,
    "the kernel needs the cgroup controllers (cgroup_enable=memory swapaccount=1)",
  );
}

/** A size limit for the whole writable layer needs project quotas; elsewhere single files are limited and the sum is watched. */
function storageOf(report: EngineReport): Check {
  return ok(
    "storage",
    `${report.storageDriver}; the disk limit holds for each file, and for their sum by a look each second`,
  );
}
