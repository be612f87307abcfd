import { describe, expect, test } from "vitest";
import type { NetcheckReport, NetworkLogEntry, PathExplanation } from "../../src/resources/network-report.ts";
import { aLog, aNetcheck, aNetwork, anExplanation, fakeMesh } from "./fake-mesh.ts";
import { openMeshHome, openStoppedHome } from "./mesh-home.ts";

// oxlint-disable-next-line no-control-regex
const active = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/u;
const evil = "\u001B[2J\u202Eeve\nnone";
const tooWide = (text: string): readonly string[] => text.split("\n").filter((line) => line.length > 80);

describe("create", () => {
  test("makes a network and says how somebody gets in", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "create", "homelab"]);
    expect([answer.code, answer.stdout]).toEqual([
      0,
      "network homelab (10.77.0.0/16) is made; you are priya, 10.77.9.2\n",
    ]);
    expect(answer.stderr).toBe("\nLet somebody in: they run `homie network join`, you run `homie network invite`.\n");
    expect(mesh.done).toEqual([["create", { name: "homelab" }]]);
  });

  test("hands over what was given, and prints the report as JSON", async () => {
    const mesh = fakeMesh();
    const place = ["--cidr", "10.9.0.0/16", "--port", "51900", "--endpoint", "home.example:51900"];
    const answer = await (await openMeshHome(mesh)).run(["network", "create", "homelab", ...place, "-o", "json"]);
    expect(JSON.parse(answer.stdout)).toEqual({ ...aNetwork, peers: [] });
    expect(answer.stderr).toBe("");
    const request = { name: "homelab", cidr: "10.9.0.0/16", listenPort: 51900, endpoint: "home.example:51900" };
    expect(mesh.done).toEqual([["create", request]]);
  });

  test.each([
    [["Home Lab"], "cannot be the name of a network"],
    [["a".repeat(64)], "cannot be the name of a network"],
    [[], "missing required argument"],
    [["x", "--cidr", "8.0.0.0/8"], "--cidr"],
    [["x", "--cidr", "100.64.0.0/16"], "Tailscale"],
    [["x", "--port", "0"], "--port"],
    [["x", "--port", "1e3"], "--port"],
    [["x", "--endpoint", "0.0.0.0:51820"], "every address"],
    [["x", "--endpoint", "home.example"], "needs a port"],
    [["x", "--relay"], "unknown option"],
  ])("%j is a usage error", async (args, words) => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "create", ...args]);
    expect([answer.code, answer.stdout, mesh.done]).toEqual([2, "", []]);
    expect(answer.stderr).toContain(words);
  });

  test("without a daemon says how to start one", async () => {
    const answer = await openStoppedHome().run(["network", "create", "homelab", "-o", "json"]);
    expect(answer.code).toBe(1);
    expect(JSON.parse(answer.stderr)).toMatchObject({ code: "DaemonUnavailable" });
    expect(answer.stderr).toContain("homie up -d");
  });
});

test("`homie network` alone names its commands", async () => {
  const answer = await openStoppedHome().run(["network"]);
  expect([answer.code, answer.stderr]).toEqual([
    2,
    "error: which network command?\nhint: one of create, invite, join, status, log, revoke, leave; --help says more\n",
  ]);
});

describe("log", () => {
  const run = async (items: readonly NetworkLogEntry[], tty = true): Promise<string> => {
    const home = await openMeshHome(fakeMesh({ log: async () => items }));
    return (await home.run(["network", "log"], tty ? { answers: [] } : {})).stdout;
  };

  test("is a tree from the founder down, with what happened to each, at 80 columns", async () => {
    expect(await run(aLog)).toBe(
      [
        "vivek           10.77.0.1   founded the network",
        "├─ raj          10.77.3.4   invited by vivek, took new keys",
        "│  ├─ priya     10.77.9.2   invited by raj",
        "│  └─ mallory   10.77.6.6   invited by raj, revoked by vivek",
        "│     └─ eve    10.77.7.7   invited by mallory (counts for nothing: mallory is",
        "│                           revoked)",
        "└─ alex         10.77.5.5   invited by vivek, left",
        "",
      ].join("\n"),
    );
  });

  test("breaks no line where no terminal is", async () => {
    expect(await run(aLog, false)).toContain("(counts for nothing: mallory is revoked)\n");
  });

  test("keeps those whom nobody invited, and evil names inert", async () => {
    const shown = await run([{ kind: "Admit", id: "x", by: "a-lost-key", subject: evil, ip: evil, depth: 9 }]);
    expect(shown).toBe("eve none   eve none   invited by a-lost-key\n");
  });

  test("is a list as JSON", async () => {
    const { stdout } = await (await openMeshHome(fakeMesh())).run(["network", "log", "-o", "json"]);
    expect(JSON.parse(stdout)).toEqual({ items: aLog });
  });
});

describe("revoke", () => {
  test("asks, and says who is out with it", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "revoke", "raj"], { answers: ["yes"] });
    expect(answer.questions.join("")).toContain(
      "raj is out for ever, on all machines.\nWhom it has invited stays: nina, priya.\n",
    );
    expect([answer.code, tooWide(answer.questions.join("\n"))]).toEqual([0, []]);
    expect(answer.stdout).toContain("eve is out too: it was invited by a member that is out\n");
    expect(mesh.done).toEqual([["revoke", { peer: "raj" }]]);
  });

  test("does nothing after a no", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "revoke", "raj"], { answers: ["no"] });
    expect([answer.code, answer.stdout, answer.stderr, mesh.done]).toEqual([1, "", "nothing was changed\n", []]);
  });

  test.each([
    ["priya", 2, "error: this is the machine itself\nhint: homie network leave\n"],
    ["rja", 1, 'error: no member is called "rja"\nhint: did you mean raj?\n'],
    ["zzzzzz", 1, 'error: no member is called "zzzzzz"\nhint: `homie network status` lists the members\n'],
  ])("asks nothing about %s, who cannot be revoked", async (name, code, words) => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "revoke", name], { answers: ["yes"] });
    expect([answer.code, answer.stderr, answer.questions, mesh.done]).toEqual([code, words, [], []]);
  });

  test("takes peer/NAME, and with --yes asks nothing", async () => {
    const mesh = fakeMesh();
    const home = await openMeshHome(mesh);
    const answer = await home.run(["network", "revoke", "peer/mallory", "--yes", "-o", "json"]);
    expect(JSON.parse(answer.stdout)).toEqual({ name: "mallory", node: "n", alsoOut: ["eve"] });
    expect(mesh.done).toEqual([["revoke", { peer: "mallory" }]]);
  });

  test.each([
    ["without a terminal and without --yes", ["raj"], 2, "nobody is there to answer"],
    ["without a name", ["--yes"], 2, "missing required argument"],
    ["with a name that is none", ["$(reboot)", "--yes"], 1, "not the name of a peer"],
  ])("%s is refused", async (_, args, code, words) => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "revoke", ...args]);
    expect([answer.code, answer.stdout, mesh.done]).toEqual([code, "", []]);
    expect(answer.stderr).toContain(words);
  });
});

describe("leave", () => {
  test("asks first, and says what it left", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "leave"], { answers: ["yes"] });
    expect([answer.code, answer.stdout, mesh.done]).toEqual([0, "left homelab\n", [["leave", {}]]]);
  });

  test("stays after a no, or where nobody can be asked", async () => {
    const mesh = fakeMesh();
    const home = await openMeshHome(mesh);
    expect((await home.run(["network", "leave"], { answers: ["n"] })).code).toBe(1);
    expect((await home.run(["network", "leave"])).code).toBe(2);
    expect(mesh.done).toEqual([]);
  });

  test("with --yes goes at once", async () => {
    const mesh = fakeMesh();
    const answer = await (await openMeshHome(mesh)).run(["network", "leave", "-y", "-o", "json"]);
    expect([answer.code, JSON.parse(answer.stdout)]).toEqual([0, { left: "homelab" }]);
  });
});

describe("netcheck", () => {
  const run = async (report: NetcheckReport, args: readonly string[] = []): Promise<string> => {
    const home = await openMeshHome(fakeMesh({ netcheck: async () => report }));
    return (await home.run(["netcheck", ...args], { answers: [] })).stdout;
  };

  test("says what stands between this machine and others, and what to do", async () => {
    expect(await run(aNetcheck)).toBe(
      [
        "UDP:          gets through",
        "Router:       NAT that can be punched: others can be told where it is",
        "Seen as:      203.0.113.7:51820 (says vivek)",
        "Addresses:    192.168.1.5, fd12::5",
        "Port mapping: the router answers neither PCP, NAT-PMP nor UPnP",
        "Can relay:    no: no member can send it a packet first",
        "Relays:       vivek (12 ms)",
        "MTU:          1280",
        "",
        "What to do:",
        "  1. forward UDP port 51820 on the router, then nobody needs a relay to reach",
        "     you",
        "",
      ].join("\n"),
    );
  });

  test("a machine that may relay and lacks nothing has nothing to do", async () => {
    const { canRelayProblem: _none, ...rest } = aNetcheck;
    const portMapping = { protocol: "pcp", endpoint: "203.0.113.7:51820" } as const;
    const shown = await run({ ...rest, nat: "none", canRelay: true, portMapping, seen: [], relays: [], advice: [] });
    expect(shown).toContain("Port mapping: 203.0.113.7:51820 by pcp\nCan relay:    yes\n");
    expect(shown).toContain("Seen as:      nobody has said yet\n");
    expect(shown.endsWith("\nNothing to do.\n")).toBe(true);
  });

  test("the report as it is, for scripts", async () => {
    expect(JSON.parse(await run(aNetcheck, ["-o", "json"]))).toEqual(aNetcheck);
  });

  test("evil texts stay inert", async () => {
    const shown = await run({
      ...aNetcheck,
      advice: [evil],
      seen: [{ endpoint: evil, by: evil }],
      canRelayProblem: evil,
    });
    expect(shown).not.toMatch(active);
  });
});

describe("why peer/NAME", () => {
  const run = async (explanation: PathExplanation, args: readonly string[] = []): Promise<string> => {
    const home = await openMeshHome(fakeMesh({ explain: async () => explanation }));
    return (await home.run(["why", "peer/alex", ...args], { answers: [] })).stdout;
  };

  test("tells what was tried, with what result, and the next try", async () => {
    expect(await run(anExplanation)).toBe(
      [
        "mesh to alex: relay via vivek (here: NAT that can be punched; there: symmetric",
        "NAT)",
        "  alex is behind a symmetric NAT, so packets go through vivek",
        "",
        "WAY           ENDPOINT            RESULT         WHEN",
        "lan           192.168.1.7:51820   no answer      40s ago",
        "through NAT   203.0.113.9:40112   not possible   -",
        "    its router uses another port for each",
        "relay         vivek               works          1s ago",
        "next try in 25s",
        "",
      ].join("\n"),
    );
  });

  test("a peer that cannot be reached is said so", async () => {
    const { via: _via, nextTrySeconds: _next, ...rest } = anExplanation;
    const shown = await run({ ...rest, connection: "none", tries: [], words: ["UDP is blocked at alex's"] });
    expect(shown.split("\n")[0]).toContain("mesh to alex: no tunnel works");
    expect(shown.endsWith("  UDP is blocked at alex's\n")).toBe(true);
  });

  test("the explanation as it is, for scripts", async () => {
    expect(JSON.parse(await run(anExplanation, ["-o", "json"]))).toEqual({ explanation: anExplanation });
  });

  test("evil texts stay inert", async () => {
    const { tries, ...rest } = anExplanation;
    const shown = await run({
      ...rest,
      peer: evil,
      via: evil,
      words: [evil],
      tries: [{ ...tries[0]!, endpoint: evil, why: evil }],
    });
    expect(shown).not.toMatch(active);
  });

  test("somebody whom neither crew nor mesh knows is not found", async () => {
    const answer = await (await openMeshHome(fakeMesh())).run(["why", "peer/nobody"]);
    expect([answer.code, answer.stdout]).toEqual([1, ""]);
    expect(answer.stderr).toContain("nobody");
  });

  test("without a mesh it still answers for peers it knows not", async () => {
    const answer = await (await openMeshHome(undefined)).run(["why", "peer/nobody"]);
    expect([answer.code, answer.stderr.includes("not found")]).toEqual([1, true]);
  });
});

describe("completion", () => {
  test("knows the commands of network, and members that can be revoked", async () => {
    const home = await openMeshHome(fakeMesh());
    const complete = async (...words: string[]): Promise<readonly string[]> =>
      (await home.run(["__complete", "--", ...words])).stdout.split("\n").filter((word) => word !== "");
    expect(await complete("network", "")).toEqual(["create", "invite", "join", "status", "log", "revoke", "leave"]);
    expect(await complete("network", "revoke", "")).toEqual(["vivek", "raj", "nina", "alex", "sam"]);
    expect(await complete("network", "revoke", "ni")).toEqual(["nina"]);
    expect(await complete("network", "join", "--re")).toEqual(["--request-only", "--renew"]);
  });
});
