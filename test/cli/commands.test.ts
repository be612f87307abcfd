import { describe, expect, test } from "vitest";
import { runConfig } from "../../src/cli/commands/config.ts";
import { runDescribe } from "../../src/cli/commands/describe.ts";
import { runGet } from "../../src/cli/commands/get.ts";
import { runDoctor } from "../../src/cli/commands/about.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish, noProblems, recordedTable, watchLine } from "./fakes.ts";
import type { Recording } from "./fakes.ts";

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
describe("get", () => {
  const recording: Recording = {
    ...noProblems,
    [`GET ${jobs}`]: (request) =>
      request.headers?.["accept"]?.includes("as=Table") === true
        ? {
            json: recordedTable([
              { name: "train", phase: "Running", peer: "bob", message: "epoch 3" },
              { name: "b", phase: "Failed" },
            ]),
          }
        : { json: { kind: "JobList", metadata: { resourceVersion: "7" }, items: [train] } },
    [`GET ${jobs}/train`]: { json: train },
  };
  const get = async (
    words: string[],
    options: object,
    terminal = fakeTerminal(),
  ): Promise<{ code: number; out: string; err: string }> => {
    const code = await finish(
      terminal,
      runGet(fakeContext(terminal, fakeTransport(recording)), words, { headers: true, ...options }),
    );
    return { code, out: terminal.stdout(), err: terminal.stderr() };
  };

  test("prints the columns the API decides", async () => {
    expect((await get(["jobs"], {})).out).toBe(
      "NAME    PHASE     PEER   AGE\ntrain   Running   bob    5m\nb       Failed    -      5m\n",
    );
  });
  test("-o wide adds the less important ones", async () => {
    expect((await get(["jobs"], { output: "wide" })).out).toContain("AGE   MESSAGE\n");
  });
  test("on a terminal has colours, and none with NO_COLOR", async () => {
    expect((await get(["jobs"], {}, fakeTerminal({ isTty: true, columns: 80 }))).out).toContain(
      "\u001B[31mFailed\u001B[39m",
    );
    expect(
      (await get(["jobs"], {}, fakeTerminal({ isTty: true, columns: 80, env: { NO_COLOR: "1" } }))).out,
    ).not.toContain("\u001B");
  });
  test("of a kind as JSON is a List", async () => {
    const list = JSON.parse((await get(["jobs"], { output: "json" })).out) as object;
    expect(list).toEqual({ apiVersion: "v1", kind: "List", metadata: { resourceVersion: "7" }, items: [train] });
  });
  test("of a name as JSON is the object", async () => {
    expect(JSON.parse((await get(["job", "train"], { output: "json" })).out)).toEqual(train);
  });
  test("-o name prints references", async () => {
    expect((await get(["job/train"], { output: "name" })).out).toBe("job/train\n");
  });
  test("custom columns and jsonpath work on the objects", async () => {
    expect((await get(["jobs"], { output: "custom-columns=N:.metadata.name,I:.spec.image,X:.no" })).out).toBe(
      "N       I        X\ntrain   python   <none>\n",
    );
    expect((await get(["jobs"], { output: "jsonpath={.items[0].status.phase}" })).out).toBe("Running");
  });
  test("sorts rows by a field", async () => {
    expect((await get(["jobs"], { sortBy: ".metadata.name" })).out.indexOf("b  ")).toBeLessThan(
      (await get(["jobs"], { sortBy: ".metadata.name" })).out.indexOf("train"),
    );
  });
  test("of an unknown name is one line and exit code 1", async () => {
    const { code, err } = await get(["job/none"], { output: "json" });
    expect([code, err]).toEqual([1, "error: /apis/homie.dev/v1/jobs/none not found\n"]);
  });
  test.each([
    ["jbos", "did you mean jobs?"],
    ["pods", "kinds are jobs, limits, networks, peers, attempts, events"],
  ])("of the unknown kind %s says what there is", async (word, hint) => {
    const { code, err } = await get([word], {});
    expect(code).toBe(2);
    expect(err).toContain(hint);
  });
  test("says on stderr what is wrong in desired/", async () => {
    const terminal = fakeTerminal();
    const problem = {
      file: "/d/job.yaml",
      line: 3,
      column: 9,
      document: 0,
      path: "spec.imgae",
      message: 'unknown field "imgae"',
      hint: 'did you mean "image"?',
    };
    await runGet(
      fakeContext(terminal, fakeTransport({ ...recording, "GET /homie/v1/problems": { json: { items: [problem] } } })),
      ["jobs"],
      { headers: true },
    );
    expect(terminal.stderr()).toBe('/d/job.yaml:3:9: spec.imgae: unknown field "imgae" (did you mean "image"?)\n');
  });
  test("-w prints a row for a change of what is shown, and none for an age", async () => {
    const terminal = fakeTerminal();
    let watches = 0;
    const transport = fakeTransport({
      [`GET ${jobs}`]: (request) => {
        if (!request.path.includes("watch=true"))
          return { json: recordedTable([{ name: "train", phase: "Running", peer: "bob" }]) };
        if ((watches += 1) > 1) terminal.press();
        return {
          chunks: [
            watchLine("MODIFIED", recordedTable([{ name: "train", phase: "Running", peer: "bob", age: "6m" }])),
            watchLine(
              "MODIFIED",
              recordedTable([{ name: "train", phase: "Running", peer: "bob", message: "hidden column" }], false),
            ),
            watchLine("BOOKMARK", { metadata: { resourceVersion: "9" } }),
            watchLine(
              "MODIFIED",
              recordedTable([{ name: "train", phase: "Succeeded", peer: "bob", age: "7m" }], false),
            ),
          ],
        };
      },
    });
    const code = await finish(
      terminal,
      runGet(fakeContext(terminal, transport), ["jobs"], { headers: true, watch: true }),
    );
    expect(code).toBe(130);
    const [head, ...rows] = terminal.stdout().trimEnd().split("\n");
    expect(head).toBe("NAME    PHASE     PEER   AGE");
    expect(rows.map((row) => row.split(/\s+/u).slice(0, 2).join(" "))).toEqual([
      "train Running",
      "train Succeeded",
      "train Running",
    ]);
    expect(terminal.stderr()).toBe("");
  });
});

describe("config", () => {
  test.each([
    [{ cpu: "abc" }, "--cpu"],
    [{ cpu: "-1" }, "--cpu"],
    [{ cpu: "1e9" }, "--cpu"],
    [{ cpu: "0" }, "--cpu"],
    [{ memory: "4" }, "--memory"],
    [{ memory: "4gb" }, "--memory"],
    [{ timeout: "soon" }, "--timeout"],
    [{ maxJobs: "1.5" }, "--max-jobs"],
    [{ runtime: "podman" }, "--runtime"],
  ])("%j is refused with an example", async (options, flag) => {
    const terminal = fakeTerminal();
    expect(await finish(terminal, runConfig(fakeContext(terminal, fakeTransport({})), options))).toBe(2);
    expect(terminal.stderr()).toMatch(new RegExp(`^error: ${flag} cannot be .*\\nhint: .+\\n$`, "u"));
  });
  test("changes what is given and nothing else", async () => {
    const path = "/apis/homie.dev/v1/limits/default";
    const limits = {
      kind: "Limits",
      metadata: { name: "default" },
      spec: { cpu: 2, memory: "4g", timeoutSeconds: 600 },
    };
    const transport = fakeTransport({ [`GET ${path}`]: { json: limits }, [`PATCH ${path}`]: { json: limits } });
    const terminal = fakeTerminal();
    expect(await runConfig(fakeContext(terminal, transport), { cpu: "2", memory: "4g", timeout: "10m" })).toBe(0);
    expect(JSON.parse(transport.sent[1]?.body ?? "")).toEqual({ spec: { cpu: 2, memory: "4g", timeoutSeconds: 600 } });
    expect(transport.sent[1]?.headers?.["content-type"]).toBe("application/merge-patch+json");
    expect(terminal.stdout()).toContain("limits/default configured\nLIMIT");
  });
});

test("describe tells fields, attempts, conditions and events, all inert", async () => {
  const terminal = fakeTerminal();
  const job = {
    ...train,
    status: {
      phase: "Failed",
      message: "exit \u001B[31mcode 3",
      attempts: [
        {
          attempt: 1,
          peer: "bob",
          phase: "Failed",
          reason: "Error",
          exitCode: 3,
          startTime: "2026-11-23T11:56:00Z",
          completionTime: "2026-11-23T11:57:00Z",
        },
      ],
      conditions: [
        {
          type: "Finished",
          status: "True",
          reason: "Error",
          message: "done",
          lastTransitionTime: "2026-11-23T11:57:00Z",
        },
      ],
    },
  };
  const transport = fakeTransport({
    [`GET ${jobs}/train`]: { json: job },
    "GET /api/v1/events": {
      json: {
        items: [
          {
            type: "Warning",
            reason: "Failed",
            message: "exit code 3",
            count: 2,
            lastTimestamp: "2026-11-23T11:59:00Z",
          },
        ],
      },
    },
  });
  expect(await runDescribe(fakeContext(terminal, transport), ["job", "train"], {})).toBe(0);
  expect(terminal.stdout()).toMatchInlineSnapshot(`
    "Name:         train
    Kind:         Job
    Created:      2026-11-23T11:55:00Z (5m ago)
    Generation:   1
    Uid:          u1
    Spec:
      image:  python
      script: train.py
    Status:
      phase:   Failed
      message: exit code 3
    Attempts:
      NUMBER   PEER   PHASE    REASON   EXIT   STARTED   RAN
      1        bob    Failed   Error    3      4m        60s
    Conditions:
      TYPE       STATUS   REASON   SINCE   MESSAGE
      Finished   True     Error    3m      done
    Events:
      TYPE      REASON   AGE        MESSAGE
      Warning   Failed   60s (x2)   exit code 3
    "
  `);
});

test("doctor ends with 1 when a check fails", async () => {
  const terminal = fakeTerminal();
  const context = fakeContext(terminal, fakeTransport({}), {
    diagnose: async () => [
      { name: "node", ok: "ok", message: "24" },
      { name: "docker", ok: "fail", message: "no engine", hint: "start dockerd" },
    ],
  });
  expect(await runDoctor(context, {})).toBe(1);
  expect(terminal.stdout()).toBe("ok    node: 24\nFAIL  docker: no engine\n      start dockerd\n");
});
