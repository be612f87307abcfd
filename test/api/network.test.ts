import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { MeshOperations } from "../../src/api/ports.ts";
import { networkResponders } from "../../src/api/network-routes.ts";
import { HomieError } from "../../src/resources/errors.ts";
import type { ErrorCode } from "../../src/resources/errors.ts";
import { aBundle, aLog, aNetcheck, aNetwork, anExplanation, anInvite, aRequest, fakeMesh } from "../cli/fake-mesh.ts";
import { inviteWords, requestWords } from "../cli/fake-mesh.ts";
import { openTestHome } from "./support.ts";
import type { TestHome } from "./support.ts";

const root = "/homie/v1/network";
const open = (mesh: MeshOperations): TestHome => openTestHome({}, undefined, { mesh });
const requested = { request: aRequest, fingerprint: requestWords, name: "raj-laptop", node: "n".repeat(25) };
const preview = { name: "kai", assignedIp: "10.77.12.12", fingerprint: requestWords };

describe("what is asked of the mesh is handed over, and its answer comes back whole", () => {
  const place = { name: "homelab", cidr: "10.9.0.0/16", listenPort: 51900, endpoint: "[2001:db8::1]:51900" };
  test.each<[string, string, object | undefined, object, readonly unknown[]]>([
    ["POST", "create", { name: "homelab" }, { ...aNetwork, peers: [] }, [["create", { name: "homelab" }]]],
    ["POST", "create", place, { ...aNetwork, peers: [] }, [["create", place]]],
    ["POST", "request", undefined, requested, [["request", {}]]],
    ["POST", "request", { name: "raj", renew: true }, requested, [["request", { name: "raj", renew: true }]]],
    ["POST", "preview", { request: aRequest }, preview, []],
    ["POST", "preview", { request: aRequest, name: "raj" }, { ...preview, name: "raj" }, []],
    ["POST", "invite", { request: aRequest, name: "kai" }, anInvite, [["invite", { request: aRequest, name: "kai" }]]],
    ["POST", "inspect", { bundle: aBundle }, { confirmation: inviteWords, invitedBy: "raj" }, []],
    ["POST", "join", { bundle: aBundle }, aNetwork, [["join", { bundle: aBundle }]]],
    ["POST", "revoke", { peer: "mallory" }, { name: "mallory", alsoOut: ["eve"] }, [["revoke", { peer: "mallory" }]]],
    ["POST", "leave", undefined, { kind: "Status", status: "Success" }, [["leave", {}]]],
    ["POST", "leave", {}, { kind: "Status", status: "Success" }, [["leave", {}]]],
    ["GET", "report", undefined, aNetwork, []],
    ["GET", "log", undefined, { items: aLog }, []],
    ["GET", "peers/alex/path", undefined, anExplanation, []],
    ["GET", "netcheck", undefined, aNetcheck, []],
  ])("%s %s %j", async (method, path, body, answer, done) => {
    const mesh = fakeMesh();
    const got = await open(mesh).send(method, `${root}/${path}`, body);
    expect(got.code).toBe(200);
    expect(got.body).toMatchObject(answer);
    expect(mesh.done).toEqual(done);
  });
});

describe("a body is refused before the mesh hears of it", () => {
  const long = "x".repeat(64 * 1024 + 1);
  test.each<[string, unknown, number]>([
    ["create", {}, 400],
    ["create", { name: "Home Lab" }, 400],
    ["create", { name: `a${"b".repeat(63)}` }, 400],
    ["create", { name: ["homelab"] }, 400],
    ["create", { name: "homelab", Cidr: "10.9.0.0/16" }, 400],
    ["create", { name: "homelab", cidr: "10.9.0.1/16" }, 400],
    ["create", { name: "homelab", cidr: "172.17.0.0/16" }, 400],
    ["create", { name: "homelab", cidr: "9".repeat(19) }, 400],
    ["create", { name: "homelab", listenPort: 0 }, 400],
    ["create", { name: "homelab", listenPort: 65536 }, 400],
    ["create", { name: "homelab", listenPort: 5.5 }, 400],
    ["create", { name: "homelab", listenPort: "51820" }, 400],
    ["create", { name: "homelab", endpoint: "home.example" }, 400],
    ["create", { name: "homelab", endpoint: "[ff02::1]:51820" }, 400],
    ["create", { name: "homelab", endpoint: `${"a.".repeat(130)}b:1` }, 400],
    ["request", { renew: "yes" }, 400],
    ["request", { name: "" }, 400],
    ["request", { bundle: aBundle }, 400],
    ["preview", {}, 400],
    ["preview", { request: "  \n" }, 400],
    ["preview", { request: 7 }, 400],
    ["preview", { request: long }, 413],
    ["invite", { request: aRequest, yes: true }, 400],
    ["invite", { request: aRequest, name: null }, 400],
    ["invite", { request: long }, 413],
    ["inspect", { bundle: "" }, 400],
    ["inspect", { bundle: [aBundle] }, 400],
    ["join", { bundle: long }, 413],
    ["join", { bundle: aBundle, name: "raj" }, 400],
    ["revoke", {}, 400],
    ["revoke", { peer: "" }, 400],
    ["revoke", { peer: "../report" }, 400],
    ["revoke", { peer: "a".repeat(129) }, 400],
    ["revoke", { peer: "mallory", force: true }, 400],
    ["leave", { now: true }, 400],
    ["leave", [], 400],
    ["join", [aBundle], 400],
    ["join", "hm1_", 400],
  ])("%s %j", async (path, body, code) => {
    const mesh = fakeMesh();
    const got = await open(mesh).send("POST", `${root}/${path}`, body);
    expect([got.code, got.body.kind, got.body.code, mesh.done]).toEqual([code, "Status", code, []]);
    expect(got.body.message.length).toBeLessThan(200);
  });

  test.each(["create", "join", "revoke"])("POST %s without a body, or with one of another type", async (path) => {
    const home = open(fakeMesh());
    expect((await home.send("POST", `${root}/${path}`)).code).toBe(415);
    expect((await home.send("POST", `${root}/${path}`, {}, "text/plain")).code).toBe(415);
  });

  test.each(["__proto__", "constructor"])("an own field %s is an unknown field", async (field) => {
    const body = `{"bundle": "x", ${JSON.stringify(field)}: {}}`;
    const headers = { "content-type": "application/json" };
    const response = await open(fakeMesh()).fetch(`${root}/join`, { method: "POST", body, headers });
    expect(response.status).toBe(400);
  });
});

test.each(["peers/%00/path", "peers/a%0Ab/path", `peers/${"a".repeat(200)}/path`, "peers/-x/path"])(
  "GET %s is refused",
  async (path) => {
    expect((await open(fakeMesh()).send("GET", `${root}/${path}`)).code).toBe(400);
  },
);

test.each<[ErrorCode, number, string]>([
  ["InviteRejected", 422, "Invalid"],
  ["Conflict", 409, "Conflict"],
  ["NotFound", 404, "NotFound"],
  ["Forbidden", 403, "Forbidden"],
  ["MeshUnavailable", 503, "ServiceUnavailable"],
])("%s of the mesh is a Status %i with its words and what to do", async (code, status, reason) => {
  const error = new HomieError(code, "no luck", { hint: "try again" });
  const fail = async (): Promise<never> => await Promise.reject(error);
  const home = open(fakeMesh({ join: fail, report: fail }));
  const failure = { kind: "Status", reason, message: "no luck", details: { errorCode: code, hint: "try again" } };
  expect(await home.send("POST", `${root}/join`, { bundle: aBundle })).toMatchObject({ code: status, body: failure });
  expect(await home.send("GET", `${root}/report`)).toMatchObject({ code: status, body: failure });
});

test("where no daemon runs every route says what to do", async () => {
  const home = openTestHome();
  const bodies: Readonly<Record<string, object>> = {
    create: { name: "homelab" },
    preview: { request: aRequest },
    invite: { request: aRequest },
    inspect: { bundle: aBundle },
    join: { bundle: aBundle },
    revoke: { peer: "mallory" },
  };
  for (const [path, methods] of Object.entries(routes())) {
    for (const method of Object.keys(methods)) {
      const got = await home.send(method, `${root}/${path.replace(":name", "bob")}`, bodies[path]);
      expect([path, got.code, got.body.details]).toEqual([
        path,
        503,
        { errorCode: "DaemonUnavailable", hint: "start it with `homie up -d`" },
      ]);
    }
  }
});

test("each route has one verb, and says which", async () => {
  const home = open(fakeMesh());
  for (const [path, methods] of Object.entries(routes())) {
    const [verb] = Object.keys(methods);
    const other = verb === "GET" ? "POST" : "GET";
    const got = await home.send(other, `${root}/${path.replace(":name", "bob")}`);
    expect([path, got.code, got.headers.get("allow")]).toEqual([path, 405, verb]);
  }
});

test("docs/api.md has a row for each route", () => {
  const document = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
  const missing = Object.keys(routes()).filter(
    (path) => !document.includes(`\`/homie/v1/network/${path.replace(":name", "NAME")}\``),
  );
  expect(missing).toEqual([]);
});

test("a web page cannot drive it", async () => {
  const response = await open(fakeMesh()).fetch(`${root}/report`, { headers: { origin: "http://evil.example" } });
  expect(response.status).toBe(403);
});

function routes(): Readonly<Record<string, object>> {
  const { ports } = openTestHome();
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  return networkResponders({ ports, options: { version: "1", log } });
}
