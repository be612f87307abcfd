import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestHome, type Answer } from "../support/cli.ts";
import { usageCases } from "./cli/usage-cases.ts";
import { openCaseTimes } from "./support/case-times.ts";
import { expectInert } from "./support/expect-sayable.ts";
import { expectDaemonWorks, startProcessDaemon } from "./support/process-daemon.ts";

/** A command is a process: starting one takes longer than judging what it was given. */
const commandMs = 1_000;
const times = openCaseTimes("C");
let home: TestHome;
let pid: number;

beforeAll(async () => {
  home = await startProcessDaemon();
  pid = home.pid();
  await expectDaemonWorks(home, pid, "witness");
  mkdirSync(join(home.root, "empty"));
  mkdirSync(join(home.root, "dir.yaml"));
  spawnSync("mkfifo", [join(home.root, "fifo")]);
  symlinkSync("/nowhere", join(home.root, "dead.yaml"));
  writeFileSync(join(home.root, "large.yaml"), "#".repeat(2 * 1024 ** 2));
}, 60_000);
afterAll(async () => {
  await expectDaemonWorks(home, pid, "afterwards");
  await home.close();
  console.log(times.report());
}, 60_000);

function run(title: string, args: readonly string[], input?: string): Promise<Answer> {
  return times.measure(title, () => home.run(args, input), commandMs);
}

describe("what is typed", () => {
  const rows = usageCases.map((each) => [each.id, shown(each.args), each] as const);
  it.each(rows)("%s %s is answered in plain words", async (id, title, { args, code, stderr }) => {
    // No process can be given a NUL: Node refuses before anything starts.
    if (args.some((word) => word.includes("\0"))) return expect(() => home.start(args)).toThrow(/null bytes/);
    const answer = await run(`${id} ${title}`, args);
    expect(answer).toMatchObject({ code, stdout: "" });
    expect(answer.stderr).toMatch(stderr);
    expectInert(answer.stderr);
    expect(existsSync(join(home.root, "pwned"))).toBe(false);
  });

  it("C-17 ::1 and a name are addresses", async () => {
    expect(await home.ok(["add", "::1", "--name", "self"])).toBe("peer/self created\n");
    expect(await home.ok(["add", "host.invalid", "--name", "other"])).toBe("peer/other created\n");
    for (const name of ["self", "other"]) await home.ok(["remove", name]);
  });
});

function shown(args: readonly string[]): string {
  return args.map((word) => JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}...` : word).slice(1, -1)).join(" ");
}

describe("C-01 apply -f - with a gigabyte", () => {
  it("stops reading after 1 MiB and is wrong usage", async () => {
    const child = home.start(["apply", "-f", "-"]);
    const errors: Buffer[] = [];
    child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk));
    child.stdin?.on("error", () => undefined); // closed in the middle: what this is about
    const closed = once(child, "close");
    let sent = 0;
    const piece = Buffer.alloc(64 * 1024, "a");
    const code = await times.measure(
      "C-01 1 GB",
      async () => {
        while (child.exitCode === null && sent < 1e9) {
          sent += piece.length;
          if (child.stdin?.write(piece) === false)
            await Promise.race([once(child.stdin, "drain").catch(() => undefined), closed]);
        }
        return (await closed)[0] as number;
      },
      commandMs,
    );
    expect([code, Buffer.concat(errors).toString()]).toEqual([
      2,
      expect.stringMatching(/^error: read more than 1 MiB/),
    ]);
    expect(sent).toBeLessThan(64 * 1024 ** 2);
  });
});

describe("C-07 arguments with everything in them", () => {
  const words = [
    "a b",
    "it's",
    '"q"',
    "new\nline",
    "é日本🚀",
    "--dash",
    "-",
    "$HOME",
    "$(id)",
    "*",
    "\\",
    "%s",
    "",
    "\u001b[31m",
    " ",
  ];

  it("reach the program byte for byte", async () => {
    const manifest = {
      apiVersion: "homie.dev/v1",
      kind: "Job",
      metadata: { name: "words" },
      spec: { command: ["printf", "%s\\0"], args: words },
    };
    await home.ok(["apply", "-f", "-", "--wait", "--timeout", "20s"], JSON.stringify(manifest));
    const { bytes } = await home.run(["logs", "job/words", "--stdout"]);
    expect(bytes.toString().split("\0").slice(0, -1)).toEqual(words);
  });
});

describe("C-08 an output that", () => {
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  /** Through a shell of the test, which is what closes and connects things on a real machine. */
  const shell = (line: string, env: Record<string, string> = {}): { code: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(
      "sh",
      ["-c", line.replaceAll("homie", `"${process.execPath}" "${main}"`)],
      {
        encoding: "utf8",
        cwd: home.root,
        env: { ...process.env, HOMIE_HOME: home.home, ...env },
      },
    );
    return { code: status, out: stdout, err: stderr };
  };

  it.each([
    ["is closed after a line", "homie get jobs -o yaml | head -n 1; true"],
    ["was never open", "homie get jobs >&-"],
    ["has no place for errors", "homie get jobs 2>&- >/dev/null"],
  ])("%s is no failure", (_title, line) => {
    expect(shell(line)).toMatchObject({ code: 0, err: "" });
  });

  it("is full ends with the reason and without a trace", () => {
    expect(shell("homie get jobs >/dev/full")).toEqual({
      code: 1,
      out: "",
      err: "error: cannot write the output: ENOSPC\n",
    });
  });

  it.each<readonly [string, Record<string, string>]>([
    ["is no terminal", {}],
    ["is dumb", { TERM: "dumb" }],
    ["wants no colour", { NO_COLOR: "1" }],
    ["has no width", { COLUMNS: "0" }],
    ["has a width below nothing", { COLUMNS: "-5" }],
    ["has a width that is no number", { COLUMNS: "wide" }],
  ])("%s gets plain text", (_title, env) => {
    const { code, out } = shell("homie get jobs", env);
    expect([code, out.split("\n")[0]]).toEqual([0, expect.stringMatching(/^NAME +PHASE +PEER/)]);
    expectInert(out);
  });
});

describe("C-11 a home", () => {
  it.each([
    ["on a read-only file system", "/sys/homie", /^error: cannot use \/sys\/homie as a home: E/],
    ["below a device", "/dev/null/home", /^error: cannot use \/dev\/null\/home as a home: ENOTDIR/],
    ["that is a file", import.meta.filename, /^error: cannot use .* as a home: ENOTDIR|EEXIST/],
  ])("%s is refused with the reason", async (title, path, message) => {
    const answer = await run(`C-11 ${title}`, ["--home", path, "get", "jobs"]);
    expect(answer).toMatchObject({ code: 1, stdout: "" });
    expect(answer.stderr).toMatch(message);
    expectInert(answer.stderr);
  });

  it("whose path is too long for a socket says so when a daemon is to be started", async () => {
    const answer = await home.run(["--home", join(home.root, "x".repeat(120)), "up"]);
    expect(answer.code).toBe(1);
    expect(answer.stderr).toMatch(/the system allows paths of 10\d bytes\nhint: set HOMIE_HOME to a shorter path/);
  });

  it("with spaces and other letters in its path, behind a link, works", async () => {
    const odd = join(home.root, "a b", "c é'\"");
    mkdirSync(odd, { recursive: true });
    symlinkSync(odd, join(home.root, "link"));
    for (const path of [odd, join(home.root, "link")]) {
      await home.ok(["--home", path, "config", "--cpu", "1"]);
      await home.ok(["--home", path, "up", "-d"]);
      expect(await home.ok(["--home", path, "get", "limits"])).toContain("default");
      await home.ok(["--home", path, "down"]);
    }
  }, 60_000);

  it("is found in the user database when HOME is not set, and asked for when there is none either", async () => {
    const bare = new TestHome({ HOMIE_HOME: "", HOME: "" });
    const { code, stdout, stderr } = await bare.run(["config", "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Usage: homie config");
    await bare.close();
  });
});
