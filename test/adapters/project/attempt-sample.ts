import type { Attempt, AttemptSpec } from "../../../src/resources/attempt.ts";

/** An attempt with nothing special about it; give what a test is about. */
export function sampleAttempt(spec: Partial<AttemptSpec> = {}, uid = "0b54d4e2-7c1c-4c43-9d4c-3a57b0a1c001"): Attempt {
  const attempt = spec.attempt ?? 1;
  return {
    apiVersion: "homie.dev/v1",
    kind: "Attempt",
    metadata: {
      name: `${uid}-${attempt}`,
      uid: "a-uid",
      generation: 1,
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: {
      job: { name: "train", uid, generation: 1 },
      attempt,
      specSha256: "ab".repeat(32),
      runtime: "process",
      argv: ["true"],
      env: [],
      workingDir: "",
      network: "none",
      resources: { cpu: 1, memoryBytes: 64 * 1024 ** 2, diskBytes: 64 * 1024 ** 2, pids: 64 },
      sources: { exclude: [], files: [] },
      outputs: [],
      ...spec,
    },
  };
}
