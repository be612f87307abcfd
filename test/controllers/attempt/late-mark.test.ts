import { expect, test } from "vitest";
import type { Exited } from "../../../src/controllers/attempt/classify.ts";
import { withLateMark } from "../../../src/controllers/attempt/late-mark.ts";
import type { RuntimeFacts } from "../../../src/controllers/attempt/ports.ts";
import { anAttempt } from "../../support/builders.ts";

const killed: Exited = {
  phase: "exited",
  containerId: "c",
  specSha256: "abc",
  exitCode: 137,
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:01:00Z",
  oomKilled: false,
};

function engine(answer: RuntimeFacts): { inspect: () => Promise<RuntimeFacts>; asked: number } {
  const seen = {
    asked: 0,
    inspect: () => {
      seen.asked += 1;
      return Promise.resolve(answer);
    },
  };
  return seen;
}

test("a mark that comes after the end is taken", async () => {
  const runtime = engine({ ...killed, oomKilled: true });
  expect(await withLateMark(runtime, anAttempt(), killed)).toEqual({ ...killed, oomKilled: true });
});

test("where none comes, or the container has gone, what was known stands", async () => {
  for (const answer of [killed, { phase: "absent" } as const])
    expect(await withLateMark(engine(answer), anAttempt(), killed)).toEqual(killed);
});

test.each([
  ["another exit code", { ...killed, exitCode: 1 }, undefined],
  ["a mark that is there", { ...killed, oomKilled: true }, undefined],
  ["a stop that homie asked for", killed, { reason: "Timeout", message: "late", at: "2026-01-01T00:00:00Z" } as const],
])("%s needs no second question", async (_what, facts, stopIntent) => {
  const runtime = engine({ ...killed, oomKilled: true });
  const attempt = anAttempt(stopIntent === undefined ? {} : { status: { stopIntent } });
  expect(await withLateMark(runtime, attempt, facts)).toBe(facts);
  expect(runtime.asked).toBe(0);
});
