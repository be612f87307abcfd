import { describe, expect, test } from "vitest";
import { jobs, openTestHome, tableType } from "./support.ts";

describe("reading objects", () => {
  test("a list carries kind, version and complete items, by name", async () => {
    const home = openTestHome();
    await home.job("zeta");
    await home.job("alpha");
    const list = await home.get(jobs);
    expect(list).toMatchObject({
      kind: "JobList",
      apiVersion: "homie.dev/v1",
      metadata: { resourceVersion: home.store.currentVersion() },
    });
    expect(list.items.map((item: any) => [item.apiVersion, item.kind, item.metadata.name])).toEqual([
      ["homie.dev/v1", "Job", "alpha"],
      ["homie.dev/v1", "Job", "zeta"],
    ]);
  });

  test.each(["", "/status"])("one object is found at its name%s", async (suffix) => {
    const home = openTestHome();
    const job = await home.job("train");
    expect(await home.get(`${jobs}/train${suffix}`)).toEqual(job);
  });

  test.each(["missing", "..%2f..%2fetc", "%00", "a%2Fb", "x".repeat(300), "%zz"])(
    "the name %s is answered 404",
    async (name) => {
      expect(await openTestHome().get(`${jobs}/${name}`)).toMatchObject({
        code: 404,
        reason: "NotFound",
        details: { kind: "jobs", group: "homie.dev" },
      });
    },
  );

  test("selectors choose by label and by field", async () => {
    const home = openTestHome();
    await home.job("one", {}, { team: "ml", tier: "a" });
    await home.job("two", {}, { team: "ml", tier: "b" });
    await home.job("three");
    home.setStatus("two", { phase: "Running" });
    const names = async (query: string): Promise<string[]> =>
      (await home.get(`${jobs}?${query}`)).items.map((item: any) => item.metadata.name);
    expect(await names("labelSelector=team%3Dml,tier!%3Db")).toEqual(["one"]);
    expect(await names("labelSelector=tier%20in%20(a,b)")).toEqual(["one", "two"]);
    expect(await names("labelSelector=!team")).toEqual(["three"]);
    expect(await names("fieldSelector=status.phase%3DRunning")).toEqual(["two"]);
    expect(await names("labelSelector=team&fieldSelector=metadata.name!%3Done")).toEqual(["two"]);
    expect(await home.get(`${jobs}?labelSelector=a%3D%3D%3Db`)).toMatchObject({ code: 400, reason: "BadRequest" });
  });

  test("pages go on where the last one ended and keep the version of the first", async () => {
    const home = openTestHome();
    for (const name of ["a", "b", "c", "d", "e"]) await home.job(name);
    const first = await home.get(`${jobs}?limit=2`);
    expect(first.metadata.remainingItemCount).toBe(3);
    await home.job("aa");
    const second = await home.get(`${jobs}?limit=2&continue=${first.metadata.continue}`);
    const third = await home.get(`${jobs}?limit=2&continue=${second.metadata.continue}`);
    const all = [first, second, third].flatMap((page) => page.items.map((item: any) => item.metadata.name));
    expect(all).toEqual(["a", "b", "c", "d", "e"]);
    expect([second.metadata.resourceVersion, third.metadata.resourceVersion]).toEqual(
      Array(2).fill(first.metadata.resourceVersion),
    );
    expect(third.metadata.continue).toBeUndefined();
    expect(await home.get(`${jobs}?continue=nonsense`)).toMatchObject({ code: 400 });
  });

  test("a table shows one row per object with words computed by the server", async () => {
    const home = openTestHome();
    await home.job("done");
    await home.job("new");
    home.setStatus("done", {
      phase: "Succeeded",
      peer: "bob",
      attempt: 2,
      exitCode: 0,
      startTime: "2026-01-01T11:58:00Z",
      completionTime: "2026-01-01T11:59:30Z",
      outputs: [{ path: "a", bytes: 1, sha256: "x" }],
    });
    home.clock.now = new Date("2026-01-01T12:04:05Z");
    const table = await home.get(jobs, tableType);
    expect(table).toMatchObject({
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      metadata: { resourceVersion: home.store.currentVersion() },
    });
    const shown = table.columnDefinitions
      .filter((column: any) => column.priority === 0)
      .map((column: any) => column.name);
    expect(shown).toEqual(["Name", "Phase", "Peer", "Attempt", "Exit", "Outputs", "Runtime", "Age"]);
    expect(table.columnDefinitions[0].format).toBe("name");
    expect(table.rows.map((row: any) => row.cells.slice(0, 8))).toEqual([
      ["done", "Succeeded", "bob", "2", "0", "1", "90s", "4m5s"],
      ["new", "Pending", "-", "-", "-", "-", "-", "4m5s"],
    ]);
    expect(table.rows[0].object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "done" } });
    expect(table.rows[0].object.spec).toBeUndefined();
  });

  test("a job that is being deleted says so in its phase", async () => {
    const home = openTestHome();
    await home.job("train");
    home.setStatus("train", { phase: "Running" });
    home.store.setFinalizers({ kind: "Job", name: "train" }, ["homie.dev/cleanup"]);
    await home.send("DELETE", `${jobs}/train`);
    expect((await home.get(`${jobs}/train`, tableType)).rows[0].cells[1]).toBe("Deleting");
  });

  test.each([
    ["None", undefined],
    ["Metadata", "PartialObjectMetadata"],
    ["Object", "Job"],
  ])("includeObject=%s puts %s into each row", async (includeObject, kind) => {
    const home = openTestHome();
    await home.job("train");
    const { rows } = await home.get(`${jobs}?includeObject=${includeObject}`, tableType);
    expect(rows[0].object?.kind).toBe(kind);
  });

  test.each([
    [
      "limits",
      "Limits",
      { cpu: 2, memory: "4Gi", runtime: "process" },
      ["default", "2", "4Gi", "-", "-", "-", "process"],
    ],
    ["peers", "Peer", { address: "100.64.1.2:5556" }, ["default", "100.64.1.2", "-", "-", "-", "-"]],
    ["networks", "Network", { cidr: "10.42.0.0/16" }, ["default", "10.42.0.0/16", "-"]],
  ])("the table of %s shows its own columns", async (plural, kind, spec, cells) => {
    const home = openTestHome();
    const body = { apiVersion: "homie.dev/v1", kind, metadata: { name: "default" }, spec };
    expect((await home.send("POST", `/apis/homie.dev/v1/${plural}`, body)).body).toMatchObject({ kind, spec });
    const table = await home.get(`/apis/homie.dev/v1/${plural}`, tableType);
    expect(table.rows[0].cells.slice(0, -1)).toEqual(cells);
  });

  test("attempts are read only and show the job they belong to", async () => {
    const home = openTestHome();
    const attempt = home.attempt(await home.job("train"), 1, { phase: "Finished", reason: "Completed", exitCode: 0 });
    const table = await home.get("/apis/homie.dev/v1/attempts", tableType);
    expect(table.rows[0].cells.slice(0, 6)).toEqual([
      attempt.metadata.name,
      "train",
      "1",
      "Finished",
      "Completed",
      "0",
    ]);
  });

  test("the first Accept clause that can be served wins, and none is 406", async () => {
    const home = openTestHome();
    await home.job("train");
    const kindFor = async (accept: string): Promise<string> => (await home.get(jobs, accept)).kind;
    expect(await kindFor("application/vnd.kubernetes.protobuf,application/json")).toBe("JobList");
    expect(await kindFor("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json")).toBe("JobList");
    expect(await kindFor("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")).toBe(
      "PartialObjectMetadataList",
    );
    expect(await kindFor("*/*")).toBe("JobList");
    expect(await home.get(jobs, "text/html")).toMatchObject({ code: 406, reason: "NotAcceptable" });
  });

  test("events are core/v1 Events, whatever namespace the path names", async () => {
    const home = openTestHome();
    const job = await home.job("train");
    const before = home.store.events.list().length;
    home.store.events.record({ kind: "Job", name: "train" }, "Warning", "ImageMissing", "no such image");
    home.clock.now = new Date("2026-01-01T12:00:30Z");
    home.store.events.record({ kind: "Job", name: "train" }, "Warning", "ImageMissing", "no such image");
    const all = await home.get("/api/v1/events");
    expect(all).toMatchObject({ kind: "EventList", apiVersion: "v1" });
    expect(all.items).toHaveLength(before + 1);
    const describeQuery = `fieldSelector=involvedObject.name=train,involvedObject.namespace=,involvedObject.kind=Job,involvedObject.uid=${job.metadata.uid},reason=ImageMissing`;
    for (const path of ["/api/v1/events", "/api/v1/namespaces/default/events"]) {
      const { items } = await home.get(`${path}?${describeQuery}`);
      expect(items).toMatchObject([
        { kind: "Event", count: 2, type: "Warning", eventTime: null, metadata: { namespace: "default" } },
      ]);
      expect(await home.get(`${path}/${items[0].metadata.name}`)).toEqual(items[0]);
    }
    home.clock.now = new Date("2026-01-01T12:01:00Z");
    const table = await home.get("/api/v1/events?fieldSelector=reason=ImageMissing", tableType);
    expect(table.rows[0].cells.slice(0, 5)).toEqual(["30s", "Warning", "ImageMissing", "job/train", "no such image"]);
  });

  test.each([
    ["watch=perhaps", "watch"],
    ["limit=-1", "limit"],
    ["includeObject=All", "includeObject"],
  ])("the query %s is a bad request", async (query, name) => {
    const answer = await openTestHome().get(`${jobs}?${query}`, tableType);
    expect(answer).toMatchObject({ code: 400, reason: "BadRequest" });
    expect(answer.message).toContain(name);
  });
});
