import { describe, expect, test } from "vitest";
import { jobManifest, jobs, openTestHome, tableType } from "./support.ts";

const merge = "application/merge-patch+json";
const jsonPatch = "application/json-patch+json";

describe("creating", () => {
  test("a POST answers 201 with the stored object", async () => {
    const home = openTestHome();
    const { code, body } = await home.send("POST", `${jobs}?fieldManager=kubectl-create`, jobManifest("train"));
    expect([code, body.metadata.name, body.metadata.generation]).toEqual([201, "train", 1]);
    expect(body).toEqual(home.store.get({ kind: "Job", name: "train" }));
  });

  test("what the store keeps is ignored in what a client sends", async () => {
    const home = openTestHome();
    const sent = { ...jobManifest("train"), status: { phase: "Succeeded" } };
    const { body } = await home.send("POST", jobs, {
      ...sent,
      metadata: { name: "train", uid: "mine", generation: 7, creationTimestamp: null },
    });
    expect(body.status).toBeUndefined();
    expect([body.metadata.generation, body.metadata.uid === "mine"]).toEqual([1, false]);
  });

  test("a taken name is a conflict", async () => {
    const home = openTestHome();
    await home.job("train");
    expect(await home.send("POST", jobs, jobManifest("train"))).toMatchObject({
      code: 409,
      body: { reason: "AlreadyExists" },
    });
  });

  test("generateName makes a name that is valid", async () => {
    const home = openTestHome();
    const body = { ...jobManifest("x"), metadata: { generateName: "train-" } };
    const names = [
      (await home.send("POST", jobs, body)).body.metadata.name,
      (await home.send("POST", jobs, body)).body.metadata.name,
    ];
    for (const name of names) expect(name).toMatch(/^train-[a-z0-9]{5}$/);
    expect(names[0]).not.toBe(names[1]);
  });

  test("a dry run answers the object and stores nothing", async () => {
    const home = openTestHome();
    expect(await home.send("POST", `${jobs}?dryRun=All`, jobManifest("train"))).toMatchObject({
      code: 201,
      body: { metadata: { name: "train" } },
    });
    expect(home.store.get({ kind: "Job", name: "train" })).toBeUndefined();
    expect(await home.send("POST", `${jobs}?dryRun=some`, jobManifest("train"))).toMatchObject({ code: 400 });
  });

  test.each([
    ["an empty body", "", 400],
    ["text that is no JSON", "{", 400],
    ["a list", "[]", 400],
    ["another kind", JSON.stringify({ ...jobManifest("x"), kind: "Peer" }), 400],
    ["a version of another API", JSON.stringify({ ...jobManifest("x"), apiVersion: "batch/v1" }), 400],
    ["a resourceVersion", JSON.stringify({ ...jobManifest("x"), metadata: { name: "x", resourceVersion: "3" } }), 400],
    [
      "a __proto__ key",
      '{"apiVersion":"homie.dev/v1","kind":"Job","metadata":{"name":"x"},"spec":{"__proto__":{"image":"a"}}}',
      400,
    ],
    ["nesting without end", `${"[".repeat(5000)}${"]".repeat(5000)}`, 400],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22]), 400],
    ["more than 1 MiB", `"${"x".repeat(1024 * 1024)}"`, 413],
    ["a name that is no DNS label", JSON.stringify(jobManifest("Not_A_Label")), 422],
    ["a wrong type", JSON.stringify(jobManifest("x", { timeoutSeconds: "soon" })), 422],
  ])("%s is refused", async (_what, body, code) => {
    const home = openTestHome();
    const response = await home.fetch(jobs, { method: "POST", body, headers: { "content-type": "application/json" } });
    expect(response.status).toBe(code);
    expect(await response.json()).toMatchObject({ kind: "Status", status: "Failure", code });
    expect(home.store.list("Job")).toEqual([]);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "application/vnd.kubernetes.protobuf"])(
    "a body of %s is 415",
    async (type) => {
      const home = openTestHome();
      expect(await home.send("POST", jobs, jobManifest("x"), type)).toMatchObject({
        code: 415,
        body: { reason: "UnsupportedMediaType" },
      });
    },
  );

  test("an invalid object names every field that is wrong", async () => {
    const { code, body } = await openTestHome().send(
      "POST",
      jobs,
      jobManifest("x", { timeoutSeconds: -1, network: "all" }),
    );
    expect(code).toBe(422);
    expect(body.details.causes.map((cause: any) => cause.field).toSorted()).toEqual([
      "spec.network",
      "spec.timeoutSeconds",
    ]);
  });
});

describe("unknown fields", () => {
  const typo = {
    ...jobManifest("train"),
    spec: { image: "busybox", command: ["true"], imgae: "x", env: [{ name: "A", value: "b", valeu: "c" }] },
  };

  test("are refused unless the client says otherwise", async () => {
    const { code, body } = await openTestHome().send("POST", jobs, typo);
    expect(code).toBe(400);
    expect(body.message).toMatch(
      /^Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec\./,
    );
    expect(body.message).toContain('unknown field "spec.imgae"');
    expect(body.message).toContain('unknown field "spec.env[0].valeu"');
  });

  test("are left out with a warning under fieldValidation=Warn", async () => {
    const { code, body, headers } = await openTestHome().send("POST", `${jobs}?fieldValidation=Warn`, typo);
    expect([code, body.spec]).toEqual([201, { image: "busybox", command: ["true"], env: [{ name: "A", value: "b" }] }]);
    expect(headers.get("warning")).toContain('299 - "unknown field \\"spec.imgae\\""');
  });

  test("are left out silently under fieldValidation=Ignore", async () => {
    const { code, headers } = await openTestHome().send("POST", `${jobs}?fieldValidation=Ignore`, typo);
    expect([code, headers.get("warning")]).toEqual([201, null]);
  });

  test("do not hide what else is wrong", async () => {
    const wrong = { ...typo, spec: { ...typo.spec, timeoutSeconds: "x" } };
    expect(await openTestHome().send("POST", `${jobs}?fieldValidation=Warn`, wrong)).toMatchObject({ code: 422 });
  });
});

describe("replacing and patching", () => {
  test("a PUT replaces what was declared and leaves status alone", async () => {
    const home = openTestHome();
    await home.job("train", { timeoutSeconds: 5 });
    const before = home.setStatus("train", { phase: "Running" });
    const { code, body } = await home.send("PUT", `${jobs}/train`, {
      ...before,
      spec: { image: "alpine", command: ["ls"] },
      status: { phase: "Failed" },
    });
    expect([code, body.spec, body.status, body.metadata.generation]).toEqual([
      200,
      { image: "alpine", command: ["ls"] },
      { phase: "Running" },
      2,
    ]);
  });

  test("a stale version is a conflict in PUT and PATCH", async () => {
    const home = openTestHome();
    const before = await home.job("train");
    home.setStatus("train", { phase: "Running" });
    const put = await home.send("PUT", `${jobs}/train`, { ...before, spec: { image: "alpine", command: ["ls"] } });
    const patch = { metadata: { resourceVersion: before.metadata.resourceVersion }, spec: { image: "alpine" } };
    expect(put).toMatchObject({ code: 409, body: { reason: "Conflict" } });
    expect(await home.send("PATCH", `${jobs}/train`, patch, merge)).toMatchObject({
      code: 409,
      body: { reason: "Conflict" },
    });
  });

  test("another uid or name in the body is refused", async () => {
    const home = openTestHome();
    const job = await home.job("train");
    const withUid = { ...job, metadata: { ...job.metadata, uid: "other" } };
    expect(await home.send("PUT", `${jobs}/train`, withUid)).toMatchObject({ code: 409 });
    expect(await home.send("PUT", `${jobs}/train`, jobManifest("other"))).toMatchObject({ code: 400 });
    expect(await home.send("PUT", `${jobs}/missing`, jobManifest("missing"))).toMatchObject({ code: 404 });
  });

  test("a write that changes nothing answers the object as it is and writes nothing", async () => {
    const home = openTestHome();
    const job = await home.job("train", { timeoutSeconds: 5 }, { a: "b" });
    const writes = home.declared.writes;
    expect((await home.send("PUT", `${jobs}/train`, job)).body).toEqual(job);
    expect((await home.send("PATCH", `${jobs}/train`, { spec: { timeoutSeconds: 5 } }, merge)).body).toEqual(job);
    expect(
      (await home.send("PATCH", `${jobs}/train`, [{ op: "test", path: "/spec/timeoutSeconds", value: 5 }], jsonPatch))
        .body,
    ).toEqual(job);
    expect(home.declared.writes).toBe(writes);
  });

  test("a merge patch changes, adds and removes fields", async () => {
    const home = openTestHome();
    await home.job("train", { timeoutSeconds: 5, priority: 3 }, { a: "b" });
    const patch = { metadata: { labels: { a: null, c: "d" } }, spec: { timeoutSeconds: null, priority: 4 } };
    const { code, body } = await home.send("PATCH", `${jobs}/train`, patch, merge);
    expect([code, body.metadata.labels, body.spec]).toEqual([
      200,
      { c: "d" },
      { image: "busybox", command: ["true"], priority: 4 },
    ]);
  });

  test("a JSON patch applies its operations in order", async () => {
    const home = openTestHome();
    await home.job("train", { args: ["a"] });
    const patch = [
      { op: "test", path: "/spec/image", value: "busybox" },
      { op: "add", path: "/spec/args/-", value: "b" },
      { op: "replace", path: "/spec/image", value: "alpine" },
    ];
    expect((await home.send("PATCH", `${jobs}/train`, patch, jsonPatch)).body.spec).toMatchObject({
      image: "alpine",
      args: ["a", "b"],
    });
  });

  test.each([
    ["not a list", {}, 400],
    ["an unknown operation", [{ op: "evil", path: "/spec" }], 400],
    ["a path without slash", [{ op: "remove", path: "spec" }], 400],
    ["no value", [{ op: "add", path: "/spec/image" }], 400],
    ["a path into the prototype", [{ op: "add", path: "/__proto__/polluted", value: 1 }], 400],
    ["a path into the constructor", [{ op: "add", path: "/spec/constructor/prototype/polluted", value: 1 }], 400],
    ["a move from the prototype", [{ op: "move", from: "/__proto__/x", path: "/spec/image" }], 400],
    ["a failing test", [{ op: "test", path: "/spec/image", value: "other" }], 422],
    ["a path that is not there", [{ op: "remove", path: "/spec/args/3" }], 422],
    ["a result that is no Job", [{ op: "remove", path: "/spec" }], 422],
  ])("a JSON patch with %s is refused", async (_what, patch, code) => {
    const home = openTestHome();
    const job = await home.job("train");
    expect(await home.send("PATCH", `${jobs}/train`, patch, jsonPatch)).toMatchObject({
      code,
      body: { kind: "Status" },
    });
    expect(home.store.get({ kind: "Job", name: "train" })).toEqual(job);
    expect(({} as any).polluted).toBeUndefined();
  });

  test.each(["application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/json"])(
    "a patch of %s is 415",
    async (type) => {
      const home = openTestHome();
      await home.job("train");
      expect(await home.send("PATCH", `${jobs}/train`, {}, type)).toMatchObject({ code: 415 });
    },
  );

  test("a patch without a version is tried again on top of what changed in between", async () => {
    const home = openTestHome();
    await home.job("train");
    home.declared.conflicts = 2;
    expect(await home.send("PATCH", `${jobs}/train`, { spec: { image: "alpine" } }, merge)).toMatchObject({
      code: 200,
      body: { spec: { image: "alpine" } },
    });
    expect(home.declared.rescans).toBe(2);
    home.declared.conflicts = 99;
    expect(await home.send("PATCH", `${jobs}/train`, { spec: { image: "busybox" } }, merge)).toMatchObject({
      code: 409,
    });
  });

  test("a dry run of a patch answers the change and keeps the object", async () => {
    const home = openTestHome();
    const job = await home.job("train");
    expect(
      (await home.send("PATCH", `${jobs}/train?dryRun=All`, { spec: { image: "alpine" } }, merge)).body.spec.image,
    ).toBe("alpine");
    expect(home.store.get({ kind: "Job", name: "train" })).toEqual(job);
  });

  test("an Accept header nobody can serve is refused before anything is written", async () => {
    const home = openTestHome();
    const headers = { "content-type": "application/json", accept: "text/html" };
    const response = await home.fetch(jobs, { method: "POST", body: JSON.stringify(jobManifest("train")), headers });
    expect([response.status, home.store.list("Job")]).toEqual([406, []]);
  });

  test("the answer of a write can be a table", async () => {
    const home = openTestHome();
    const headers = { "content-type": "application/json", accept: tableType };
    const response = await home.fetch(jobs, { method: "POST", body: JSON.stringify(jobManifest("train")), headers });
    expect([response.status, ((await response.json()) as any).kind]).toEqual([201, "Table"]);
  });
});
