import { describe, expect, test } from "vitest";
import { ApplyConflictError, InvalidResourceError } from "../../src/store/declared-errors.ts";
import { HomieError } from "../../src/resources/errors.ts";
import { ask } from "./ask.ts";
import { aReport, jobs, openTestHome } from "./support.ts";

const apply = "/homie/v1/apply";
const request = { file: "job.yaml", text: "kind: Job", baseDirectory: "/home/anna" };

describe("cancelling", () => {
  test("keeps the wish for the current generation and answers the Job", async () => {
    const home = openTestHome();
    const { metadata } = await home.job("train");
    expect(await home.send("POST", `${jobs}/train/cancel`, { message: "enough" })).toMatchObject({
      code: 200,
      body: { kind: "Job" },
    });
    expect(home.store.cancelRequested(metadata.uid, metadata.generation)).toEqual({ message: "enough" });
  });

  test("needs no body", async () => {
    const home = openTestHome();
    const { metadata } = await home.job("train");
    expect((await home.send("POST", `${jobs}/train/cancel`)).code).toBe(200);
    expect(home.store.cancelRequested(metadata.uid, metadata.generation)).toBeDefined();
  });

  test.each(["Succeeded", "Failed", "Cancelled"] as const)("a Job that is %s stays so", async (phase) => {
    const home = openTestHome();
    const { metadata } = await home.job("train");
    home.setStatus("train", { phase, observedGeneration: 1 });
    const { code, body } = await home.send("POST", `${jobs}/train/cancel`);
    expect([code, body.reason, body.message.includes(phase)]).toEqual([409, "Conflict", true]);
    expect(home.store.cancelRequested(metadata.uid, metadata.generation)).toBeUndefined();
  });

  test.each([
    ["/missing/cancel", {}, 404],
    ["/train/cancel", { message: 3 }, 400],
    ["/train/cancel", { why: "x" }, 400],
  ])("%s with %j is refused", async (path, body, code) => {
    const home = openTestHome();
    await home.job("train");
    expect((await home.send("POST", `${jobs}${path}`, body)).code).toBe(code);
  });
});

describe("homie's own paths", () => {
  test("status is the report of the daemon", async () => {
    expect(await openTestHome().get("/homie/v1/status")).toEqual(aReport);
  });

  test("apply hands the text over and answers what became of each object", async () => {
    const home = openTestHome();
    const { code, body } = await home.send("POST", apply, { ...request, dryRun: true });
    expect([code, body.results[0].action]).toEqual([200, "created"]);
    expect(home.declared.applied).toEqual([{ ...request, dryRun: true, forceConflicts: false }]);
  });

  test("a conflict names the field and both values", async () => {
    const home = openTestHome();
    home.declared.applyError = new ApplyConflictError([
      { kind: "Job", name: "train", path: "spec.timeoutSeconds", live: 60, input: 90 },
      { kind: "Job", name: "train", path: "spec.image", live: "alpine" },
    ]);
    const { code, body } = await home.send("POST", apply, request);
    expect([code, body.reason, body.details.errorCode]).toEqual([409, "Conflict", "ApplyConflict"]);
    expect(body.details.causes).toEqual([
      {
        reason: "FieldManagerConflict",
        field: "spec.timeoutSeconds",
        message: 'Job "train" spec.timeoutSeconds: desired/ has 60, the input has 90',
      },
      {
        reason: "FieldManagerConflict",
        field: "spec.image",
        message: 'Job "train" spec.image: desired/ has "alpine", the input has nothing',
      },
    ]);
    expect(body.details.hint).toContain("--force-conflicts");
  });

  test("an invalid document names the place, the field and the remedy", async () => {
    const home = openTestHome();
    const problem = {
      file: "job.yaml",
      line: 4,
      column: 3,
      document: 0,
      path: "spec.imgae",
      message: 'unknown field "imgae"',
      hint: 'did you mean "image"?',
    };
    home.declared.applyError = new InvalidResourceError([problem]);
    const { code, body } = await home.send("POST", apply, request);
    expect([code, body.reason, body.details.problems]).toEqual([422, "Invalid", [problem]]);
    expect(body.details.causes).toEqual([
      {
        reason: "FieldValueInvalid",
        field: "spec.imgae",
        message: 'job.yaml:4:3 spec.imgae: unknown field "imgae" (did you mean "image"?)',
      },
    ]);
  });

  test.each([
    [{ ...request, baseDirectory: "relative" }],
    [{ ...request, text: undefined }],
    [{ ...request, file: "" }],
    [{ ...request, dryRun: "yes" }],
    [{ ...request, force: true }],
    [[]],
  ])("apply of %j is a bad request", async (body) => {
    const home = openTestHome();
    expect(await home.send("POST", apply, body)).toMatchObject({ code: 400, body: { reason: "BadRequest" } });
    expect(home.declared.applied).toEqual([]);
  });

  test("rescan answers after the reading", async () => {
    const home = openTestHome();
    expect(await home.send("POST", "/homie/v1/rescan")).toMatchObject({ code: 200, body: { problems: 0 } });
    expect(home.declared.rescans).toBe(1);
  });

  test("problems are what is wrong in desired/ now", async () => {
    const home = openTestHome();
    const problem = { file: "/desired/a.yaml", line: 1, column: 1, document: 0, path: "", message: "not YAML" };
    const files = [{ path: "/desired/a.yaml", documents: [], problems: [problem] }];
    home.store.takeDesired({ files, listedDirectories: ["/desired"], unreadable: [] }, home.clock.now);
    expect(await home.get("/homie/v1/problems")).toEqual({ items: [problem] });
  });

  test("history is newest first and can be cleared", async () => {
    const home = openTestHome();
    for (const attempt of [1, 2, 3]) {
      home.store.history.add({
        job: "train",
        uid: "u",
        attempt,
        generation: 1,
        peer: "anna",
        role: "self",
        phase: "Succeeded",
        outputs: 0,
        startTime: `2026-01-01T00:00:0${attempt}Z`,
      });
    }
    const attempts = async (query: string): Promise<unknown> =>
      (await home.get(`/homie/v1/history?${query}`)).items.map((entry: any) => entry.attempt);
    expect(await attempts("limit=2")).toEqual([3, 2]);
    expect(await attempts("since=2026-01-01T01:00:02%2B01:00&peer=bob,anna&role=self&outcome=succeeded")).toEqual([
      3, 2,
    ]);
    expect(await attempts("outcome=failed")).toEqual([]);
    expect(await home.send("DELETE", "/homie/v1/history")).toMatchObject({ code: 200, body: { status: "Success" } });
    expect(await home.get("/homie/v1/history")).toEqual({ items: [] });
  });

  test.each(["role=boss", "outcome=maybe", "since=yesterday", "since=2026-01-01T00:00:00", "limit=-1"])(
    "history?%s is a bad request",
    async (query) => {
      const { code, body } = await openTestHome().send("GET", `/homie/v1/history?${query}`);
      expect([code, body.reason]).toEqual([400, "BadRequest"]);
    },
  );

  test("the daemon's own log is shown where there is one", async () => {
    const home = openTestHome({ readDaemonLog: async (lines) => `${lines} lines\n` });
    expect(await (await home.fetch("/homie/v1/logs?tailLines=5")).text()).toBe("5 lines\n");
    expect((await openTestHome().fetch("/homie/v1/logs")).status).toBe(404);
  });
});

describe("errors", () => {
  test("an error nobody expected is 500 without its inside, and logged once", async () => {
    const home = openTestHome();
    home.declared.applyError = new TypeError("secret inside");
    const { code, body } = await home.send("POST", apply, request);
    expect([code, body.reason]).toEqual([500, "InternalError"]);
    expect(JSON.stringify(body)).not.toMatch(/secret|\.ts|stack/);
    expect(home.logged.filter((entry) => entry.level === "error")).toHaveLength(1);
  });

  test.each([
    ["StateUnusable", 500, "InternalError"],
    ["DaemonUnavailable", 503, "ServiceUnavailable"],
    ["NotFound", 404, "NotFound"],
    ["Conflict", 409, "Conflict"],
  ] as const)("a HomieError %s is answered %i with its words and hint", async (errorCode, code, reason) => {
    const home = openTestHome();
    home.declared.applyError = new HomieError(errorCode, "cannot do it", { hint: "try later" });
    expect((await home.send("POST", apply, request)).body).toMatchObject({
      code,
      reason,
      message: "cannot do it",
      details: { hint: "try later", errorCode },
    });
  });
});

describe("the guard", () => {
  test.each([
    ["origin", "http://evil.example"],
    ["origin", "null"],
    ["origin", "http://localhost"],
    ["referer", "http://evil.example/page"],
    ["sec-fetch-site", "same-origin"],
    ["upgrade", "websocket"],
    ["host", "evil.example"],
    ["host", "127.0.0.1:5557"],
    ["host", "homie.evil.example"],
  ])("refuses requests with %s: %s, and sends no CORS headers", async (name, value) => {
    const response = await openTestHome().fetch(jobs, { headers: { [name]: value } });
    expect(response.status).toBe(403);
    expect([...response.headers.keys()].filter((header) => header.startsWith("access-control"))).toEqual([]);
    expect(await response.json()).toMatchObject({ kind: "Status", reason: "Forbidden" });
  });

  test("refuses a rebound name in the URL of an in-process request", async () => {
    const home = openTestHome();
    expect((await ask(home.api, `http://evil.example${jobs}`)).status).toBe(403);
    for (const host of ["homie", "localhost", "localhost:8080"]) {
      expect((await ask(home.api, `http://${host}${jobs}`)).status).toBe(200);
    }
  });

  test("preflights are refused", async () => {
    const headers = { origin: "http://evil.example", "access-control-request-method": "POST" };
    expect((await openTestHome().fetch(jobs, { method: "OPTIONS", headers })).status).toBe(403);
  });
});
