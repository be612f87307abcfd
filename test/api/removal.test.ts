import { describe, expect, test } from "vitest";
import { jobManifest, jobs, openTestHome } from "./support.ts";

const merge = "application/merge-patch+json";

describe("deleting", () => {
  test("answers a Status with the uid that is gone", async () => {
    const home = openTestHome();
    const { metadata } = await home.job("train");
    const { code, body } = await home.send("DELETE", `${jobs}/train`, {
      kind: "DeleteOptions",
      propagationPolicy: "Background",
    });
    expect(code).toBe(200);
    expect(body).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "train", group: "homie.dev", kind: "jobs", uid: metadata.uid },
    });
    expect(await home.get(`${jobs}/train`)).toMatchObject({ code: 404 });
  });

  test("answers the object with a deletionTimestamp while finalizers remain, and removing the last one removes it", async () => {
    const home = openTestHome();
    await home.job("train");
    home.store.setFinalizers({ kind: "Job", name: "train" }, ["homie.dev/cleanup"]);
    const { body } = await home.send("DELETE", `${jobs}/train`);
    expect(body).toMatchObject({
      kind: "Job",
      metadata: { deletionTimestamp: "2026-01-01T12:00:00Z", finalizers: ["homie.dev/cleanup"] },
    });
    expect(await home.send("PATCH", `${jobs}/train`, { spec: { image: "alpine" } }, merge)).toMatchObject({
      code: 409,
    });
    expect(await home.send("PATCH", `${jobs}/train`, { metadata: { finalizers: null } }, merge)).toMatchObject({
      code: 200,
    });
    expect(await home.get(`${jobs}/train`)).toMatchObject({ code: 404 });
  });

  test("a PUT that does not speak of finalizers keeps them", async () => {
    const home = openTestHome();
    await home.job("train");
    home.store.setFinalizers({ kind: "Job", name: "train" }, ["homie.dev/cleanup"]);
    const { body } = await home.send("PUT", `${jobs}/train`, jobManifest("train", { image: "alpine" }));
    expect([body.spec.image, body.metadata.finalizers]).toEqual(["alpine", ["homie.dev/cleanup"]]);
  });

  test("preconditions that do not hold are conflicts", async () => {
    const home = openTestHome();
    const job = await home.job("train");
    expect(await home.send("DELETE", `${jobs}/train`, { preconditions: { uid: "other" } })).toMatchObject({
      code: 409,
    });
    expect(await home.send("DELETE", `${jobs}/train`, { preconditions: { resourceVersion: "1" } })).toMatchObject({
      code: 409,
    });
    expect(await home.send("DELETE", `${jobs}/train`, { preconditions: { uid: job.metadata.uid } })).toMatchObject({
      code: 200,
    });
  });

  test.each([
    ["in the query", "?dryRun=All", undefined],
    ["in the body", "", { dryRun: ["All"] }],
  ])("a dry run asked for %s deletes nothing", async (_where, query, body) => {
    const home = openTestHome();
    await home.job("train");
    expect(await home.send("DELETE", `${jobs}/train${query}`, body)).toMatchObject({
      code: 200,
      body: { status: "Success" },
    });
    expect(home.store.get({ kind: "Job", name: "train" })).toBeDefined();
  });

  test("a list is deleted by selector only", async () => {
    const home = openTestHome();
    for (const [name, team] of [
      ["a", "x"],
      ["b", "x"],
      ["c", "y"],
    ] as const)
      await home.job(name, {}, { team });
    expect(await home.send("DELETE", jobs)).toMatchObject({ code: 400 });
    const { code, body } = await home.send("DELETE", `${jobs}?labelSelector=team%3Dx`);
    expect([code, body.kind, body.items.map((item: any) => item.metadata.name)]).toEqual([200, "JobList", ["a", "b"]]);
    expect(home.store.list("Job").map((job) => job.metadata.name)).toEqual(["c"]);
  });
});
