import { describe, expect, test } from "vitest";
import { HomieError } from "../../src/resources/errors.ts";
import type { NetworkReport } from "../../src/resources/network-report.ts";
import { aBundle, aNetwork, anInvite, aPeer, aRequest, fakeMesh, inviteWords, requestWords } from "./fake-mesh.ts";
import type { FakeTerminal } from "./fakes.ts";
import { openMeshHome, openStoppedHome } from "./mesh-home.ts";

const { rttMs: _rtt, lastHandshake: _handshake, ...unmet } = aPeer("kai", { status: "Offline", connection: "none" });
const withKai = (more: object): NetworkReport => ({ ...aNetwork, peers: [...aNetwork.peers, { ...unmet, ...more }] });
const here = { status: "Online", connection: "lan" } as const;

describe("scripts", () => {
  test("get the invite, the address and the words as JSON", async () => {
    const mesh = fakeMesh();
    const home = await openMeshHome(mesh);
    const argv = ["network", "invite", "--request", aRequest, "--name", "kai", "--yes", "-o", "json"];
    const answer = await home.run(argv);
    expect([answer.code, answer.stderr]).toEqual([0, ""]);
    expect(JSON.parse(answer.stdout)).toEqual(anInvite);
    expect(JSON.parse(answer.stdout)).toMatchObject({ bundle: aBundle, assignedIp: "10.77.12.12" });
    expect(mesh.done).toEqual([["invite", { request: aRequest, name: "kai" }]]);
  });

  test("hand the request over on stdin and get the invite alone on stdout", async () => {
    const home = await openMeshHome(fakeMesh());
    const answer = await home.run(["network", "invite", "--request", "-", "--yes"], { stdin: `\n${aRequest}\r\n` });
    expect([answer.code, answer.stdout, answer.questions]).toEqual([0, `${aBundle}\n`, []]);
    expect(answer.stderr).toContain(inviteWords.join("  "));
  });

  test("learn that a request was cut, and nobody is invited", async () => {
    const mesh = fakeMesh();
    const argv = ["network", "invite", "--request", aRequest.slice(0, 50), "--yes", "-o", "json"];
    const answer = await (await openMeshHome(mesh)).run(argv);
    expect([answer.code, answer.stdout, mesh.done]).toEqual([1, "", []]);
    expect(JSON.parse(answer.stderr)).toMatchObject({ code: "InviteRejected" });
  });

  test.each([
    ["no --request", ["--yes"], "nobody is there to paste a join request"],
    ["no --yes", ["--request", aRequest], "nobody is there to compare the six words"],
    ["nothing on stdin", ["--request", "-", "--yes"], "there is nothing on stdin"],
    ["a name that is none", ["--request", aRequest, "--name", "Kai!", "--yes"], "Kai!"],
  ])("end with a usage error for %s", async (_, args, words) => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "invite", ...args]);
    expect([answer.code, answer.stdout, mesh.done]).toEqual([2, "", []]);
    expect(answer.stderr).toContain(words);
  });

  test("end at once when no daemon runs, and are told how to start one", async () => {
    const answer = await openStoppedHome().run(["network", "invite", "--request", aRequest, "--yes"]);
    expect([answer.code, answer.stdout]).toEqual([1, ""]);
    expect(answer.stderr).toContain("homie up -d");
  });
});

describe("on a terminal", () => {
  test("the words are compared, the invite is shown, and the new member is waited for", async () => {
    const mesh = fakeMesh();
    mesh.reports = [
      aNetwork,
      withKai({}),
      withKai({ ...here, knownTo: ["vivek"] }),
      withKai({ ...here, knownTo: ["vivek", "raj", "nina", "alex"] }),
    ];
    const answer = await (await openMeshHome(mesh)).run(["network", "invite"], { answers: [aRequest, "yes"] });
    expect([answer.code, answer.stdout]).toEqual([0, `${aBundle}\n`]);
    expect(answer.questions).toEqual([
      "Paste the join request (hj1_...), then press Enter:",
      "Does kai's screen show the same six words? [yes/no] ",
    ]);
    const told = answer.stderr.split("\n").filter((line) => line !== "");
    expect(told).toEqual([
      "kai wants to join homelab; its address will be 10.77.12.12.",
      `    ${requestWords.join("  ")}`,
      "Send this invite to kai. Only that machine can open it, until",
      "2026-11-24T12:00:00Z:",
      "When it is pasted, kai's screen shows these words:",
      `    ${inviteWords.join("  ")}`,
      "Waiting for kai (Ctrl-C ends only the waiting) ...",
      "kai is connected (lan)",
      "  vivek knows it",
      "  raj knows it",
      "  nina knows it",
      "  alex knows it",
    ]);
  });

  test("no network, no question: the request is asked for only where somebody can be invited", async () => {
    const mesh = fakeMesh({ report: async () => await Promise.reject(nowhere()) });
    const answer = await (await openMeshHome(mesh)).run(["network", "invite"], { answers: [] });
    expect([answer.code, answer.questions]).toEqual([1, []]);
    expect(answer.stderr).toBe("error: this machine is in no network\nhint: homie network create NAME makes one\n");
  });

  test("other words on the joiner's screen: nobody is invited", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "invite"], { answers: [aRequest, "no"] });
    expect([answer.code, answer.stdout, mesh.done]).toEqual([1, "", []]);
    expect(answer.stderr).toContain("Nobody was invited");
  });

  test("a request that does not read is asked for again; one that came as an option is an error", async () => {
    const home = await openMeshHome(fakeMesh());
    const typed = await home.run(["network", "invite"], { answers: ["hello", aRequest, "y"], meet: pressSoon });
    expect([typed.code, typed.questions.length]).toEqual([0, 3]);
    const given = await home.run(["network", "invite", "--request", "hello"], { answers: ["yes"] });
    expect([given.code, given.questions.length]).toEqual([1, 0]);
  });

  test("Ctrl-C ends the waiting with 0: the invite stays good", async () => {
    const home = await openMeshHome(fakeMesh());
    const answer = await home.run(["network", "invite"], { answers: [aRequest, "y"], meet: pressSoon });
    expect([answer.code, answer.stdout]).toEqual([0, `${aBundle}\n`]);
    expect(answer.stderr).toContain("the invite stays good; `homie network status` shows when kai is there\n");
  });

  test("--yes asks nothing and waits for nobody", async () => {
    const home = await openMeshHome(fakeMesh());
    const answer = await home.run(["network", "invite", "--request", aRequest, "--yes"], { answers: [] });
    expect([answer.code, answer.questions]).toEqual([0, []]);
    expect(answer.stderr).not.toContain("Waiting");
  });

  test("a request for a machine with an evil name moves no cursor and adds no line", async () => {
    const name = "\u001B[2J\u202Ekai\nerror: all is well";
    const mesh = fakeMesh({
      preview: async () => ({ name, assignedIp: "\u001B]0;x\u0007", fingerprint: requestWords }),
      invite: async () => ({ ...anInvite, name, bundle: "hm1_\u001B[31mx" }),
    });
    const home = await openMeshHome(mesh);
    const answer = await home.run(["network", "invite"], { answers: [aRequest, "y"], meet: pressSoon });
    const shown = answer.stdout + answer.stderr + answer.questions.join("");
    // oxlint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/u);
    expect(shown).not.toMatch(/^error:/mu);
  });
});

function nowhere(): Error {
  return new HomieError("NotFound", "this machine is in no network", { hint: "homie network create NAME makes one" });
}

/** Ctrl-C, as soon as somebody listens for it. */
function pressSoon(terminal: FakeTerminal): void {
  const { takeInterrupts } = terminal;
  Object.assign(terminal, {
    takeInterrupts: (onInterrupt: () => void) => {
      setImmediate(onInterrupt);
      return takeInterrupts(onInterrupt);
    },
  });
}
