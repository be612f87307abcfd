import { describe, expect, test } from "vitest";
import type { NetworkPeerReport, NetworkReport } from "../../src/resources/network-report.ts";
import { HomieError } from "../../src/resources/errors.ts";
import { aNetwork, fakeMesh } from "./fake-mesh.ts";
import { openMeshHome, openStoppedHome } from "./mesh-home.ts";

const status = ["network", "status"];

test("the members, how packets go to each, what all have together, and what is wrong", async () => {
  const { code, stdout, stderr } = await (await openMeshHome(fakeMesh())).run(status, { answers: [] });
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toBe(
    [
      "homelab (10.77.0.0/16)",
      "you are priya, 10.77.9.2: invited by raj, NAT that can be punched",
      "",
      "NAME    STATUS    CONNECTION        RTT      HANDSHAKE   INVITED BY",
      "vivek   Online    direct            12 ms    30s ago     -",
      "raj     Online    punched           31 ms    30s ago     vivek",
      "nina    Online    lan               0.4 ms   30s ago     raj",
      "alex    Online    relay via vivek   48 ms    30s ago     vivek",
      "sam     Offline   none              -        -           vivek",
      "",
      "6 machines, 5 online: 44 cpus, 176 GiB memory, 1 gpu; 12 jobs today",
      "",
      "sam: UDP is blocked there and no member relays over TCP",
      "`homie why peer/NAME` tells what was tried",
      "",
    ].join("\n"),
  );
});

test("the report as it is for scripts", async () => {
  const { stdout } = await (await openMeshHome(fakeMesh())).run([...status, "-o", "json"]);
  expect(JSON.parse(stdout)).toEqual(aNetwork);
  expect(Object.keys(JSON.parse(stdout) as object)).toEqual(["name", "network", "cidr", "you", "peers", "totals"]);
});

test("a founder alone is told how to let somebody in", async () => {
  const { invitedBy: _nobody, ...you } = aNetwork.you;
  const mesh = fakeMesh();
  mesh.reports = [{ ...aNetwork, you: { ...you, nat: "none", relays: true }, peers: [] }];
  const { stdout } = await (await openMeshHome(mesh)).run(status);
  expect(stdout).toContain("you are priya, 10.77.9.2: founder, no NAT, relays for others\n");
  expect(stdout).toContain("nobody else yet; `homie network invite` lets somebody in\n");
});

test.each([
  [
    { how: "Revoked", by: "vivek" },
    "this machine is no member any more (revoked by vivek); `homie network leave` clears it\n",
  ],
  [
    { how: "Left", by: "vivek" },
    "this machine is no member any more (its keys have left); `homie network leave` clears it\n",
  ],
  [
    { how: "NotAdmitted" },
    "this machine is no member any more (nobody who counts has let its keys in); `homie network leave` clears it\n",
  ],
] as const)("a machine that is out is told so: %j", async (removed, line) => {
  const mesh = fakeMesh();
  mesh.reports = [{ ...aNetwork, you: { ...aNetwork.you, removed } }];
  expect((await (await openMeshHome(mesh)).run(status)).stdout).toContain(line);
});

test("without the interface the problem and its remedy stand below", async () => {
  const mesh = fakeMesh();
  const interfaceProblem = { message: "homie0 needs root", hint: "sudo homie up -d" };
  mesh.reports = [{ ...aNetwork, you: { ...aNetwork.you, interfaceProblem } }];
  const { stdout } = await (await openMeshHome(mesh)).run(status);
  expect(stdout).toContain("\nproblem: homie0 needs root\nhint: sudo homie up -d\n");
});

test("a machine in no network is told what to do", async () => {
  const hint = "homie network create NAME makes one, homie network join gets into that of a friend";
  const nowhere = new HomieError("NotFound", "this machine is in no network", { hint });
  const home = await openMeshHome(fakeMesh({ report: async () => await Promise.reject(nowhere) }));
  const answer = await home.run(status);
  expect([answer.code, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr).toBe(`error: this machine is in no network\nhint: ${hint}\n`);
  expect(JSON.parse((await home.run([...status, "-o", "json"])).stderr)).toMatchObject({ code: "NotFound", hint });
});

test("without a daemon it says how to start one", async () => {
  const answer = await openStoppedHome().run(status);
  expect([answer.code, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr).toContain("homie up -d");
});

describe("--watch", () => {
  const change = (name: string, more: Partial<NetworkPeerReport>): NetworkReport => ({
    ...aNetwork,
    peers: aNetwork.peers.map((peer) => (peer.name === name ? { ...peer, ...more } : peer)),
  });

  test("prints a row for each change, and none for figures that always move; Ctrl-C ends it", async () => {
    let interrupt = (): void => {};
    const reports = [aNetwork, change("raj", { rttMs: 99 }), change("raj", { status: "Suspect" }), aNetwork];
    const mesh = fakeMesh({
      report: async () => {
        if (reports.length === 0) interrupt();
        return reports.shift() ?? aNetwork;
      },
    });
    const answer = await (
      await openMeshHome(mesh)
    ).run([...status, "-w"], {
      answers: [],
      meet: (terminal) => void (interrupt = terminal.press),
    });
    expect(answer.code).toBe(130);
    expect(answer.stdout.split("tells what was tried\n")[1]).toBe(
      [
        "raj     Suspect   punched           31 ms    30s ago     vivek",
        "raj     Online    punched           31 ms    30s ago     vivek",
        "",
      ].join("\n"),
    );
  });
});

describe("hostile texts of members", () => {
  const evil = "\u001B[2J\u202Eraj\r\nvivek   Online";
  const hostile: NetworkReport = {
    ...aNetwork,
    name: evil,
    cidr: evil,
    you: { ...aNetwork.you, name: evil, ip: evil, invitedBy: evil },
    peers: [{ ...aNetwork.peers[0]!, name: evil, via: evil, connection: "relay", invitedBy: evil, reason: evil }],
  };

  test("move no cursor, hide nothing and add no line", async () => {
    const mesh = fakeMesh();
    mesh.reports = [hostile];
    const { stdout } = await (await openMeshHome(mesh)).run(status, { answers: [] });
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/u);
    expect(stdout.match(/^vivek/mu)).toBeNull();
  });

  test("are escaped in JSON, and nothing of them is lost", async () => {
    const mesh = fakeMesh();
    mesh.reports = [hostile];
    const { stdout } = await (await openMeshHome(mesh)).run([...status, "-o", "json"]);
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/u);
    expect(JSON.parse(stdout)).toEqual(hostile);
  });
});
