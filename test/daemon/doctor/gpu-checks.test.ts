import { expect, it } from "vitest";
import { judgeGpus, type GpuFindings } from "../../../src/daemon/doctor/gpu-checks.ts";

const gpu = { id: "GPU-1", model: "RTX 3060", memoryTotal: 1, memoryFree: 1, usedPercent: 0 };
const sound: GpuFindings = { gpus: [gpu], engine: true, toolkit: "NVIDIA Container Toolkit CLI version 1.17.8" };

const rows: readonly [string, Partial<GpuFindings>, readonly [string, string][]][] = [
  ["without GPUs nothing is said", { gpus: [] }, []],
  ["a GPU that the engine passes on is fine", {}, [["ok", "RTX 3060"]]],
  ["a GPU that the engine cannot pass on is a warning", { engine: false }, [["warn", "cannot pass it on"]]],
  ["without an engine it is for jobs without containers", { engine: undefined }, [["ok", "without containers"]]],
  ["a driver that hangs is a warning", { gpus: undefined }, [["warn", "does not answer"]]],
  ["a toolkit with a known hole is a warning", { toolkit: "version 1.17.7" }, [["warn", "CVE-2025-23266"]]],
  ["an older minor version is one too", { toolkit: "version 1.9.12" }, [["warn", "CVE-2025-23266"]]],
  ["a newer toolkit is fine", { toolkit: "version 1.18.0-rc.2" }, [["ok", "RTX 3060"]]],
  ["a toolkit that does not tell its version is not blamed", { toolkit: undefined }, [["ok", "RTX 3060"]]],
];

it.each(rows)("doctor: %s", (_title, found, expected) => {
  const checks = judgeGpus({ ...sound, ...found });
  expect(checks.map(({ name, ok }) => [name, ok])).toEqual(expected.map(([ok]) => ["gpu", ok]));
  for (const [index, [, text]] of expected.entries()) expect(checks[index]?.message).toContain(text);
});
