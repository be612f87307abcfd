import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestHome } from "../support/cli.ts";
import { openCaseTimes } from "./support/case-times.ts";
import { expectInert, expectSayable } from "./support/expect-sayable.ts";
import { expectDaemonWorks, startProcessDaemon } from "./support/process-daemon.ts";

/** A command is a process: starting one takes longer than judging what it was given. */
const commandMs = 1_000;
const times = openCaseTimes("C, with a daemon");
let home: TestHome;
let pid: number;

beforeAll(async () => {
  home = await startProcessDaemon();
  pid = home.pid();
}, 60_000);
afterAll(async () => {
  await expectDaemonWorks(home, pid, "afterwards");
  await home.close();
  console.log(times.report());
}, 60_000);

describe("C-09 without a daemon that can answer", () => {
  it("says within a second that none runs, and how to start one", async () => {
    const empty = new TestHome();
    for (const args of [["status"], ["logs", "job/x"], ["cancel", "job/x"]]) {
      const answer = await times.measure(`C-09 ${args[0]}`, () => empty.run(args), commandMs);
      expect(answer).toMatchObject({
        code: 1,
        stderr: "error: the homie daemon is not running\nhint: start it with `homie up -d`\n",
      });
    }
    await empty.close();
  });

  it("a socket that a killed daemon left is taken for none, and replaced by the next", async () => {
    const killed = await startProcessDaemon();
    process.kill(killed.pid(), "SIGKILL");
    await expect.poll(async () => (await killed.run(["status"])).code).toBe(1);
    expect(existsSync(join(killed.home, "run", "homie.sock"))).toBe(true);
    await killed.ok(["up", "-d"]);
    expect(await killed.json(["status"])).toMatchObject({ ready: true, pid: killed.pid() });
    await killed.close();
  }, 60_000);

  it.each(["0.0.9", "0.2.0", "7.0.0"])(
    "a daemon of version %s is used, and `version` says what to do",
    async (version) => {
      const other = new TestHome();
      mkdirSync(join(other.home, "run"), { recursive: true });
      const socket = join(other.home, "run", "homie.sock");
      const server = createServer(
        (_request, response) => void response.end(JSON.stringify({ version, aFieldOfTomorrow: [] })),
      );
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      const answer = await other.run(["version"]);
      expect(answer).toMatchObject({ code: 0, stdout: expect.stringContaining(`daemon ${version}\n`) });
      expect(answer.stderr).toBe("the daemon is of another version; restart it with `homie down` and `homie up -d`\n");
      await new Promise((resolve) => server.close(resolve));
      await other.close();
    },
  );

  it("what answers on the socket but is no homie is an error, not a trace", async () => {
    const other = new TestHome();
    mkdirSync(join(other.home, "run"), { recursive: true });
    const server = createServer((_request, response) => void response.end("\u001b]0;owned\u0007<html>"));
    await new Promise<void>((resolve) => server.listen(join(other.home, "run", "homie.sock"), resolve));
    for (const args of [["get", "jobs"], ["status"], ["version"]]) {
      const { code, stderr } = await other.run(args);
      expect(code).toBe(1);
      expectInert(stderr);
      expect(stderr).not.toMatch(/at .*\.ts|bug in homie/);
    }
    await new Promise((resolve) => server.close(resolve));
    await other.close();
  });
});

describe("C-10 Ctrl-C", () => {
  it.each<readonly [string, readonly string[]]>([
    ["logs -f", ["logs", "job/long", "-f"]],
    ["get -w", ["get", "jobs", "-w"]],
    ["wait", ["wait", "job/long", "--for=finished"]],
  ])(
    "twice in `%s` ends the command with 130 and leaves the job running",
    async (_title, args) => {
      await home.ok(
        ["apply", "-f", "-"],
        "apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: long}\nspec: {command: [sh, -c, 'echo ready; exec sleep 60']}\n",
      );
      await home.ok(["wait", "job/long", "--for=jsonpath={.status.phase}=Running", "--timeout", "20s"]);
      const child = home.start(args);
      child.stdin?.end();
      // `wait` says nothing while it waits, and Node dies of a signal until a command listens to it.
      if (args[0] !== "wait") await once(child.stdout!, "data");
      else await expect.poll(() => isConnected(child.pid)).toBe(true);
      const closed = once(child, "close");
      child.kill("SIGINT");
      child.kill("SIGINT");
      expect((await closed)[0]).toBe(130);
      expect(await home.ok(["get", "job", "long", "-o", "jsonpath={.status.phase}"])).toMatch(/^Running/);
    },
    60_000,
  );

  it("ends with the job when the job is cancelled", async () => {
    await home.ok(["cancel", "job/long"]);
    await home.ok(["wait", "job/long", "--for=finished", "--timeout", "20s"]);
  }, 60_000);
});

/** Whether the process talks to somebody beside its three standard streams, which are sockets as well. */
function isConnected(child: number | undefined): boolean {
  const directory = `/proc/${child ?? 0}/fd`;
  const links = readdirSync(directory).map((name) => readLinkOrNothing(join(directory, name)));
  return links.filter((link) => link.startsWith("socket:")).length > 3;
}

function readLinkOrNothing(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed since it was listed
  }
}

describe("C-12 to C-16 hostile text in an object, a log and a file name", () => {
  const attacks = {
    "C-12": "\u001b[31mred\u001b[2J",
    "C-13": "\u001b]8;;http://evil\u0007link\u001b]8;;\u0007\u001b]52;c;cm0=\u0007",
    "C-14": "a\u202etxt.exe\u2066",
    "C-15": "a\u200b\u200d\ufeffb",
    "C-16": "w".repeat(10_000),
  } as const;
  const name = (id: string): string => `hostile-${id.toLowerCase()}`;

  beforeAll(async () => {
    const documents = Object.entries(attacks).map(([id, text]) =>
      JSON.stringify({
        apiVersion: "homie.dev/v1",
        kind: "Job",
        metadata: { name: name(id), annotations: { note: text } },
        spec: { command: ["printf", "%s\\n", text], env: [{ name: "A", value: text }] },
      }),
    );
    await home.ok(["apply", "-f", "-", "--wait", "--timeout", "30s"], documents.join("\n---\n"));
  }, 60_000);

  it.each(Object.keys(attacks))(
    "%s is inert in describe, get, logs and yaml",
    async (id) => {
      for (const args of [
        ["describe", "job", name(id)],
        ["get", "job", name(id), "-o", "wide"],
        ["get", "job", name(id), "-o", "yaml"],
        ["get", "job", name(id), "-o", "json"],
        ["logs", `job/${name(id)}`],
        ["get", "events"],
      ]) {
        const { code, stdout, stderr } = await home.run(args);
        expect([code, stderr]).toEqual([0, ""]);
        // A line as long as what somebody wrote into an object is no fault; what it may do to a terminal is.
        for (const line of stdout.split("\n"))
          for (let at = 0; at < line.length; at += 1000) expectSayable(`.${line.slice(at, at + 1000)}`);
      }
    },
    30_000,
  );

  it.each(Object.keys(attacks))("%s comes out of -o json as it was written", async (id) => {
    const job = await home.json(["get", "job", name(id)]);
    expect(job).toMatchObject({ metadata: { annotations: { note: attacks[id as keyof typeof attacks] } } });
  });

  it("columns are aligned whatever is in them", async () => {
    const lines = (await home.ok(["get", "jobs"])).trimEnd().split("\n");
    const start = lines[0]!.indexOf("PHASE");
    for (const line of lines) expect(line.slice(start - 1, start + 1)).toMatch(/^ \S$/);
  });

  it("a file name in desired/ is inert in status, get and the daemon's log", async () => {
    writeFileSync(join(home.home, "desired", "\u001b[2J\u202eevil.yaml"), "a: [");
    await expect.poll(async () => (await home.json(["status"]))["problems"]).toBe(1);
    const answer = await home.run(["get", "jobs"]);
    expect(answer.stderr).toMatch(/evil\.yaml:1:\d+: /);
    expectInert(answer.stderr);
    expectInert(readFileSync(join(home.home, "run", "homie.log"), "utf8"));
  }, 20_000);
});
