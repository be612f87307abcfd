import { describe, expect, test } from "vitest";
import { runDelete } from "../../src/cli/commands/delete.ts";
import { runWait } from "../../src/cli/commands/wait.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish, watchLine } from "./fakes.ts";

const jobs = "/apis/homie.dev/v1/jobs";
const train = {
  apiVersion: "homie.dev/v1",
  kind: "Job",
  metadata: {
    name: "train",
    uid: "u1",
    generation: 1,
    resourceVersion: "5",
    creationTimestamp: "2026-11-23T11:55:00Z",
  },
  spec: { image: "python", script: "train.py" },
  status: { observedGeneration: 1, phase: "Running" },
};
const finished = (phase: string, exitCode?: number): object => ({
  ...train,
  status: {
    observedGeneration: 1,
    phase,
    ...(exitCode === undefined ? {} : { exitCode }),
    conditions: [
      { type: "Finished", status: "True" },
      { type: phase === "Succeeded" ? "Complete" : "Failed", status: "True" },
    ],
  },
});

describe("wait", () => {
  const waiting = async (
    wish: string,
    seen: readonly object[],
    options: object = {},
  ): Promise<{ code: number; out: string; err: string }> => {
    const terminal = fakeTerminal();
    const [first, ...later] = seen;
    const transport = fakeTransport({
      [`GET ${jobs}`]: (request) =>
        request.path.includes("watch=true")
          ? { chunks: later.map((object) => watchLine("MODIFIED", object)) }
          : { json: { metadata: { resourceVersion: "5" }, items: first === undefined ? [] : [first] } },
    });
    const code = await finish(
      terminal,
      runWait(fakeContext(terminal, transport), ["job/train"], { for: wish, ...options }),
    );
    return { code, out: terminal.stdout(), err: terminal.stderr() };
  };
  test.each([
    ["finished", [finished("Succeeded", 0)], 0],
    ["finished", [train, finished("Failed", 3)], 0],
    ["complete", [train, finished("Succeeded", 0)], 0],
    ["complete", [train, finished("Failed", 3)], 1],
    ["failed", [finished("Failed", 3)], 0],
    ["phase=running", [train], 0],
    ["condition=Finished=True", [finished("Succeeded")], 0],
    ["jsonpath={.status.phase}=Running", [train], 0],
    ["delete", [], 0],
    ["finished", [], 1],
    ["nonsense", [train], 2],
  ])("--for=%s", async (wish, seen, expected) => {
    expect((await waiting(wish, seen)).code).toBe(expected);
  });
  test.each([
    [finished("Failed", 42), 42],
    [finished("Succeeded", 0), 0],
    [finished("Cancelled"), 130],
    [finished("Failed"), 125],
  ])("--exit-code is the job's own", async (job, expected) => {
    expect((await waiting("finished", [job], { exitCode: true })).code).toBe(expected);
  });
  test("a status about an earlier spec does not count", async () => {
    const stale = { ...finished("Succeeded", 0), metadata: { ...train.metadata, generation: 2 } };
    const { code, err } = await waiting("finished", [stale], { timeout: "20ms" });
    expect(code).toBe(124);
    expect(err).toContain("timed out waiting for job/train");
  });
});

describe("delete", () => {
  test("waits until the same object is gone", async () => {
    const terminal = fakeTerminal();
    const transport = fakeTransport({
      [`DELETE ${jobs}/train`]: { json: train },
      [`GET ${jobs}`]: (request) =>
        request.path.includes("watch=true")
          ? { chunks: [watchLine("MODIFIED", train), watchLine("DELETED", train)] }
          : { json: { metadata: { resourceVersion: "5" }, items: [train] } },
    });
    expect(await runDelete(fakeContext(terminal, transport), ["job/train"], {})).toBe(0);
    expect(transport.sent.map((request) => request.path.includes("watch=true"))).toEqual([false, false, true]);
  });
  test("--wait=false asks once", async () => {
    const transport = fakeTransport({ [`DELETE ${jobs}/train`]: { json: train } });
    await runDelete(fakeContext(fakeTerminal(), transport), ["job", "train"], { wait: "false" });
    expect(transport.sent).toHaveLength(1);
  });
  test.each([
    [[], {}],
    [["jobs"], {}],
    [["attempts", "x"], {}],
    [["job/a"], { selector: "a=b" }],
    [["job/.."], {}],
  ])("%j %j is refused", async (words, options) => {
    const transport = fakeTransport({});
    expect(
      await finish(
        fakeTerminal(),
        (async () => await runDelete(fakeContext(fakeTerminal(), transport), words, options))(),
      ),
    ).toBe(2);
    expect(transport.sent).toHaveLength(0);
  });
});
