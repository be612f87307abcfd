import { describe, expect, it } from "vitest";
import { classifyEnding } from "../../../src/controllers/attempt/classify.ts";
import type { CollectOutcome, RuntimeFacts } from "../../../src/controllers/attempt/ports.ts";
import { anAttempt } from "../../support/builders.ts";

type Exited = Extract<RuntimeFacts, { phase: "exited" }>;

function exit(draft: Partial<Exited>): Exited {
  return {
    phase: "exited",
    containerId: "c",
    specSha256: "abc",
    exitCode: 0,
    startedAt: "2026-01-01T00:00:00Z",
    finishedAt: "2026-01-01T00:01:00Z",
    oomKilled: false,
    ...draft,
  };
}

const missing: CollectOutcome = {
  outputs: [],
  skipped: [],
  violation: { reason: "OutputMissing", message: "model.pkl" },
};

describe("ending of an attempt", () => {
  it.each([
    ["exit code 0 is Completed", exit({}), "Completed"],
    ["any other exit code is Error", exit({ exitCode: 3 }), "Error"],
    ["exit code 137 by the program itself is Error", exit({ exitCode: 137 }), "Error"],
    ["the kernel's verdict on memory is OutOfMemory", exit({ exitCode: 137, oomKilled: true }), "OutOfMemory"],
    ["a known signal is Signalled", exit({ exitCode: 137, signal: "SIGKILL" }), "Signalled"],
    ["a file past the limit is DiskFull", exit({ exitCode: 153 }), "DiskFull"],
    ["a program that is not there is StartFailed", exit({ exitCode: 127, startError: "no such file" }), "StartFailed"],
  ])("%s", (_title, facts, reason) => {
    expect(classifyEnding(anAttempt(), facts).reason).toBe(reason);
  });

  it("says which signal an exit code may stand for, because an engine does not tell the two apart", () => {
    expect(classifyEnding(anAttempt(), exit({ exitCode: 137 })).message).toBe(
      "exit code 137, which is also what SIGKILL leaves",
    );
    expect(classifyEnding(anAttempt(), exit({ exitCode: 3 })).message).toBe("exit code 3");
  });

  it("is what homie stopped it for, whatever exit code came of it", () => {
    const stopIntent = { reason: "Timeout", message: "ran longer than 1 s", at: "2026-01-01T00:00:00Z" } as const;
    const attempt = anAttempt({ status: { stopIntent } });
    for (const facts of [exit({}), exit({ exitCode: 143 }), exit({ exitCode: 137, oomKilled: true })]) {
      expect(classifyEnding(attempt, facts)).toEqual({ reason: "Timeout", message: "ran longer than 1 s" });
    }
  });

  it("is OutputMissing when the program succeeded without its required files", () => {
    expect(classifyEnding(anAttempt(), exit({}), missing).reason).toBe("OutputMissing");
    expect(classifyEnding(anAttempt(), exit({ exitCode: 2 }), missing).reason).toBe("Error");
  });
});
