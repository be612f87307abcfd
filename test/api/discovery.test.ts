import { describe, expect, test } from "vitest";
import { openTestHome } from "./support.ts";

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

describe("discovery", () => {
  test.each(["/healthz", "/livez", "/readyz"])("%s answers ok in plain text", async (path) => {
    const response = await openTestHome().fetch(path);
    expect([response.status, await response.text(), response.headers.get("content-type")]).toEqual([
      200,
      "ok",
      "text/plain; charset=utf-8",
    ]);
  });

  test("/version looks like Kubernetes' and names homie's own", async () => {
    const version = await openTestHome().get("/version");
    expect(version).toMatchObject({ major: "1", homieVersion: "1.2.3" });
    expect(version.gitVersion).toMatch(/^v1\.\d+\.0\+homie-1\.2\.3$/);
  });

  test("the group, its version and its resources are found one request at a time", async () => {
    const home = openTestHome();
    expect(await home.get("/api")).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
    expect((await home.get("/apis")).groups.map((group: any) => group.preferredVersion.groupVersion)).toEqual([
      "homie.dev/v1",
    ]);
    expect(await home.get("/apis/homie.dev")).toMatchObject({ kind: "APIGroup", name: "homie.dev" });
    const { resources } = await home.get("/apis/homie.dev/v1");
    expect(resources.map((resource: any) => resource.name)).toEqual(
      expect.arrayContaining([
        "jobs",
        "jobs/status",
        "jobs/log",
        "jobs/cancel",
        "limits",
        "networks",
        "peers",
        "attempts",
      ]),
    );
    expect(resources.find((resource: any) => resource.name === "attempts").verbs).toEqual(["get", "list", "watch"]);
    expect((await home.get("/api/v1")).resources).toMatchObject([{ name: "events", kind: "Event", namespaced: true }]);
  });

  test("aggregated discovery is one document in the version that was asked for", async () => {
    const home = openTestHome();
    const response = await home.fetch("/apis", { headers: { accept: aggregated } });
    expect(response.headers.get("content-type")).toBe(
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    );
    expect(response.headers.get("vary")).toBe("Accept");
    const body: any = await response.json();
    expect(body.apiVersion).toBe("apidiscovery.k8s.io/v2");
    expect(body.items[0].versions[0].resources[0]).toMatchObject({
      resource: "jobs",
      scope: "Cluster",
      singularResource: "job",
    });
    const older = await home.get("/api", aggregated.replace("v=v2", "v=v2beta1"));
    expect(older).toMatchObject({ apiVersion: "apidiscovery.k8s.io/v2beta1", items: [{ metadata: { name: "" } }] });
  });

  test("the OpenAPI document describes every declared kind and resolves all its references", async () => {
    const home = openTestHome();
    const index = await home.get("/openapi/v3");
    const url = index.paths["apis/homie.dev/v1"].serverRelativeURL;
    expect(url).toMatch(/\?hash=[0-9A-F]{64}$/);
    const document = await home.get(url);
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(["dev.homie.v1.Job", "dev.homie.v1.Limits", "dev.homie.v1.Network", "dev.homie.v1.Peer"]),
    );
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!);
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) {
      expect(document.components.schemas, reference).toHaveProperty([reference.replace("#/components/schemas/", "")]);
    }
    const patch = document.paths["/apis/homie.dev/v1/jobs/{name}"].patch;
    expect(patch["x-kubernetes-group-version-kind"]).toEqual({ group: "homie.dev", version: "v1", kind: "Job" });
    expect(patch.parameters.map((parameter: any) => parameter.name)).toEqual([
      "dryRun",
      "fieldManager",
      "fieldValidation",
    ]);
    expect(JSON.stringify(document)).not.toMatch(/"(const|\$defs|propertyNames|\$schema)":/);
  });

  test("the old OpenAPI document is an empty protobuf message", async () => {
    const response = await openTestHome().fetch("/openapi/v2");
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 0]);
    expect(response.headers.get("content-type")).toContain("protobuf");
  });

  test("an unknown path is plain text outside the APIs and a Status inside", async () => {
    const home = openTestHome();
    const outside = await home.fetch("/metrics");
    expect([outside.status, await outside.text()]).toEqual([404, "404 page not found\n"]);
    expect(await home.get("/apis/homie.dev/v1/pods")).toMatchObject({ kind: "Status", code: 404, reason: "NotFound" });
  });

  test.each([
    ["POST", "/version"],
    ["PUT", "/apis/homie.dev/v1/jobs"],
    ["POST", "/apis/homie.dev/v1/attempts"],
    ["DELETE", "/apis/homie.dev/v1/attempts/x-1"],
    ["PATCH", "/apis/homie.dev/v1/jobs/x/status"],
    ["GET", "/homie/v1/apply"],
    ["DELETE", "/api/v1/events"],
  ])("%s %s is not allowed and the answer says what is", async (method, path) => {
    const response = await openTestHome().fetch(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBeTruthy();
    expect(await response.json()).toMatchObject({ kind: "Status", reason: "MethodNotAllowed" });
  });
});
