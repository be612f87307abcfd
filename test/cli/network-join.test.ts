import { describe, expect, test } from "vitest";
import { aBundle, aNetwork, aRequest, fakeMesh, inviteWords, requestWords } from "./fake-mesh.ts";
import { openMeshHome, openStoppedHome } from "./mesh-home.ts";

const alone = { ...aNetwork, peers: aNetwork.peers.map((peer) => ({ ...peer, connection: "none" as const })) };

describe("scripts", () => {
  test("get the request and its six words as JSON", async () => {
    const mesh = fakeMesh();
    const home = await openMeshHome(mesh);
    const answer = await home.run(["network", "join", "--request-only", "--name", "raj", "-o", "json"]);
    expect([answer.code, answer.stderr]).toEqual([0, ""]);
    expect(JSON.parse(answer.stdout)).toEqual({ request: aRequest, fingerprint: requestWords });
    expect(mesh.done).toEqual([["request", { name: "raj" }]]);
  });

  test("get the request alone on stdout without -o json", async () => {
    const home = await openMeshHome(fakeMesh());
    const { stdout, stderr } = await home.run(["network", "join", "--request-only"]);
    expect(stdout).toBe(`${aRequest}\n`);
    expect(stderr).toContain(requestWords.join("  "));
  });

  test("hand the invite over on stdin and join without a question", async () => {
    const mesh = fakeMesh();
    const home = await openMeshHome(mesh);
    const stdin = `${aBundle.slice(0, 900)}\r\n ${aBundle.slice(900)}\n\n`;
    const answer = await home.run(["network", "join", "--bundle", "-", "--yes"], { stdin });
    expect([answer.code, answer.stdout, answer.stderr]).toEqual([0, "joined homelab as priya, 10.77.9.2\n", ""]);
    expect(mesh.done.map(([name]) => name)).toEqual(["join"]);
    expect(answer.questions).toEqual([]);
  });

  test("get the report of the network as JSON", async () => {
    const home = await openMeshHome(fakeMesh());
    const { stdout } = await home.run(["network", "join", "--bundle", aBundle, "--yes", "-o", "json"]);
    expect(JSON.parse(stdout)).toEqual(aNetwork);
  });

  test("learn that an invite was cut, and nothing is joined", async () => {
    const mesh = fakeMesh();
    const home = await openMeshHome(mesh);
    const stdin = aBundle.slice(0, 100);
    const answer = await home.run(["network", "join", "--bundle", "-", "--yes", "-o", "json"], { stdin });
    expect([answer.code, answer.stdout, mesh.done]).toEqual([1, "", []]);
    expect(JSON.parse(answer.stderr)).toMatchObject({ code: "InviteRejected", hint: "copy all of it" });
  });

  test.each([
    ["nothing on stdin", ["--bundle", "-", "--yes"], "there is nothing on stdin"],
    ["no --bundle", [], "nobody is there to paste an invite"],
    ["no --bundle, whatever --yes", ["--yes"], "nobody is there to paste an invite"],
    ["no --yes", ["--bundle", aBundle], "nobody is there to compare the six words"],
    ["a bundle and a request at once", ["--bundle", aBundle, "--request-only"], "give one of the two"],
    ["a name for an invite", ["--bundle", aBundle, "--name", "raj"], "--name is for the request"],
    ["a renewal of an invite", ["--bundle", aBundle, "--renew"], "--renew is for the request"],
    ["a name that is none", ["--request-only", "--name", "Raj's laptop"], "Raj's laptop"],
    ["an output form it has not", ["--request-only", "-o", "yaml"], "yaml"],
  ])("end with a usage error for %s", async (_, args, words) => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "join", ...args]);
    expect([answer.code, answer.stdout, mesh.done]).toEqual([2, "", []]);
    expect(answer.stderr).toContain(words);
  });

  test("end at once when no daemon runs, and are told how to start one", async () => {
    const answer = await openStoppedHome().run(["network", "join", "--request-only"]);
    expect([answer.code, answer.stdout]).toEqual([1, ""]);
    expect(answer.stderr).toContain("homie up -d");
  });

  test("end with an error from a daemon that keeps no mesh", async () => {
    const answer = await (await openMeshHome(undefined)).run(["network", "join", "--request-only", "-o", "json"]);
    expect(answer.code).toBe(1);
    expect(JSON.parse(answer.stderr)).toMatchObject({ code: "DaemonUnavailable" });
  });
});

describe("on a terminal", () => {
  test("the request, its words, the invite and its words lead into the network", async () => {
    const mesh = fakeMesh();
    mesh.reports = [alone, aNetwork];
    const home = await openMeshHome(mesh);
    const answer = await home.run(["network", "join"], { answers: [aBundle, "yes"] });
    expect(answer.code).toBe(0);
    expect(answer.questions).toEqual([
      "Paste the invite (hm1_...), then press Enter:",
      "Does raj's screen show these six words below the invite? [yes/no] ",
    ]);
    expect(answer.stdout.startsWith(`${aRequest}\njoined homelab as priya, 10.77.9.2\n`)).toBe(true);
    expect(answer.stdout).toContain("NAME    STATUS    CONNECTION        RTT");
    for (const words of [requestWords, inviteWords]) expect(answer.stderr).toContain(words.join("  "));
    expect(answer.stderr).toContain(
      [
        "Network:     homelab (10.77.0.0/16)",
        "Invited by:  raj",
        "Members:     vivek, raj, nina; there may be more",
        "You will be: priya, 10.77.9.2\n",
      ].join("\n"),
    );
    expect(answer.stderr).toContain("nina is connected (lan)\n");
    expect(mesh.done.map(([name]) => name)).toEqual(["request", "join"]);
  });

  test("an invite that does not read is asked for again", async () => {
    const mesh = fakeMesh();
    const home = await openMeshHome(mesh);
    const answer = await home.run(["network", "join"], { answers: ["hm1_AAAA", aBundle, "y"] });
    expect([answer.code, answer.questions.length]).toEqual([0, 3]);
    expect(answer.stderr).toContain("error: the text was cut: got 8 of");
  });

  test("other words on the inviter's screen: nothing is joined", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "join"], { answers: [aBundle, "no"] });
    expect([answer.code, mesh.done.map(([name]) => name)]).toEqual([1, ["request"]]);
    expect(answer.stderr).toContain("Nothing was joined");
  });

  test("an answer that is neither yes nor no is asked for again; the end of input joins nothing", async () => {
    const mesh = fakeMesh();
    const home = await openMeshHome(mesh);
    const answer = await home.run(["network", "join"], { answers: [aBundle, "", "what?"] });
    expect([answer.code, answer.questions.length, mesh.done.length]).toEqual([2, 4, 1]);
  });

  test("the end of input instead of an invite joins nothing", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "join"], { answers: [] });
    expect([answer.code, mesh.done.length]).toEqual([2, 1]);
    expect(answer.stderr).toContain("nothing was pasted; nothing was done");
  });

  test("Ctrl-C ends the looking for others, not the membership", async () => {
    let pressed = (): void => {};
    const mesh = fakeMesh({ report: async () => (pressed(), alone) });
    const home = await openMeshHome(mesh);
    const answer = await home.run(["network", "join"], {
      answers: [aBundle, "yes"],
      meet: (terminal) => void (pressed = terminal.press),
    });
    expect(answer.code).toBe(0);
    expect(answer.stderr).toContain("homie goes on looking");
    expect(mesh.done.map(([name]) => name)).toEqual(["request", "join"]);
  });

  test("the first member has nobody to wait for", async () => {
    const mesh = fakeMesh({ join: async () => ({ ...aNetwork, peers: [] }) });
    const answer = await (await openMeshHome(mesh)).run(["network", "join"], { answers: [aBundle, "yes"] });
    expect([answer.code, answer.stdout]).toEqual([0, `${aRequest}\njoined homelab as priya, 10.77.9.2\n`]);
  });

  test("a machine that may not have the interface is told what to run", async () => {
    const interfaceProblem = { message: "no right to make homie0", hint: "sudo setcap cap_net_admin+ep wg" };
    const report = { ...aNetwork, you: { ...aNetwork.you, interfaceProblem } };
    const mesh = fakeMesh({ join: async () => report });
    mesh.reports = [report];
    const answer = await (await openMeshHome(mesh)).run(["network", "join", "--bundle", aBundle, "--yes"]);
    expect(answer.stderr).toBe("\nproblem: no right to make homie0\nhint: sudo setcap cap_net_admin+ep wg\n");
  });

  test("evil names in an invite move no cursor and add no line", async () => {
    const evil = "\u001B[2J\u202Eraj\r\nerror: all is well";
    const peers = [{ ...aNetwork.peers[0]!, name: evil }];
    const report = { ...aNetwork, name: evil, you: { ...aNetwork.you, name: evil, ip: evil }, peers };
    const mesh = fakeMesh({
      inspect: async () => ({
        ...{ network: "x", networkName: evil, name: evil, cidr: evil, assignedIp: evil, invitedBy: evil },
        ...{ confirmation: [evil], peers: [evil] },
      }),
      request: async () => ({ request: `hj1_${evil}`, fingerprint: [evil], name: evil, node: evil }),
      join: async () => report,
    });
    mesh.reports = [report];
    const answer = await (await openMeshHome(mesh)).run(["network", "join"], { answers: [aBundle, "yes"] });
    const shown = answer.stdout + answer.stderr + answer.questions.join("");
    // oxlint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/u);
    expect([answer.code, /^error:/mu.test(shown)]).toEqual([0, false]);
  });

  test("no line is longer than 80 columns but the texts to copy", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "join"], { answers: [aBundle, "yes"] });
    const lines = `${answer.stdout}\n${answer.stderr}`.split("\n").filter((line) => !/^h[jm]1_/.test(line));
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });
});
