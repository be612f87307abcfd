import { randomBytes, randomUUID } from "node:crypto";
import type { Attempt, AttemptSpec } from "../../src/resources/attempt.ts";

/** An attempt of a Job of its own, with room to spare; `more` says what the test is about. */
export function makeAttempt(more: Partial<AttemptSpec>): Attempt {
  const uid = randomUUID();
  const attempt = more.attempt ?? 1;
  const spec: AttemptSpec = {
    job: { name: "contract", uid, generation: 1 },
    attempt,
    specSha256: randomBytes(32).toString("hex"),
    runtime: "docker",
    argv: ["/bin/sh", "-c", "exit 0"],
    env: [],
    workingDir: "",
    network: "none",
    resources: { cpu: 1, memoryBytes: 128 * 1024 * 1024, diskBytes: 64 * 1024 * 1024, pids: 64 },
    sources: { exclude: [], files: [] },
    outputs: [],
    ...more,
  };
  return {
    apiVersion: "homie.dev/v1",
    kind: "Attempt",
    metadata: {
      name: `${spec.job.uid}-${attempt}`,
      uid: randomUUID(),
      generation: 1,
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec,
  };
}

/** An argument vector for a POSIX shell program. */
export function shell(program: string): readonly string[] {
  return ["/bin/sh", "-c", program];
}
