import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProcessDaemon } from "../corpus/support/process-daemon.ts";
import type { TestHome } from "../support/cli.ts";

/** `homie run` in a directory of its own, as a person would; the daemon runs jobs as processes. */
describe("homie run", () => {
  let home: TestHome;
  beforeAll(async () => {
    home = await startProcessDaemon();
  });
  afterAll(async () => await home?.close());

  function project(name: string, files: Readonly<Record<string, string>>): string {
    const directory = join(home.root, name);
    mkdirSync(directory);
    for (const [path, text] of Object.entries(files)) writeFileSync(join(directory, path), text);
    return directory;
  }
  interface Running {
    readonly child: ChildProcess;
    stdout(): string;
    stderr(): string;
    /** Resolves when one of the streams holds the text. */
    says(text: string): Promise<void>;
    readonly code: Promise<number | null>;
  }
  function homie(directory: string, args: readonly string[]): Running {
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [main, ...args], {
      cwd: directory,
      env: { ...process.env, HOMIE_HOME: home.home, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const texts = { out: "", err: "" };
    const waiting = new Set<() => void>();
    const take = (stream: "out" | "err", chunk: Buffer): void => {
      texts[stream] += chunk.toString();
      for (const look of waiting) look();
    };
    child.stdout.on("data", (chunk: Buffer) => take("out", chunk));
    child.stderr.on("data", (chunk: Buffer) => take("err", chunk));
    const code = new Promise<number | null>((resolve) => child.once("close", resolve));
    const says = async (text: string): Promise<void> =>
      await new Promise((resolve, reject) => {
        const look = (): void => {
          if (!(texts.out + texts.err).includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        void code.then(() => reject(new Error(`ended without "${text}":\n${texts.out}${texts.err}`)));
        look();
      });
    return { child, code, says, stdout: () => texts.out, stderr: () => texts.err };
  }
  const nameIn = (text: string): string => /job\/([a-z0-9-]+)/.exec(text)?.[1] ?? "";

  it("sends the project, streams the output, brings files here, and exits with the job's code", async () => {
    const directory = project("train", {
      "train.sh": 'echo "args $*"; echo warn >&2; cat data.txt; echo "$SEED" >model.bin; echo new >notes.txt; exit 3\n',
      "data.txt": "some data\n",
      "notes.txt": "years of work\n",
      "large.tmp": "x".repeat(5000),
      ".gitignore": "*.tmp\n",
    });
    const run = homie(directory, ["run", "train.sh", "-e", "SEED=42", "--", "--epochs", "two words"]);
    expect(await run.code).toBe(3);
    expect(run.stdout()).toBe("[alice] args --epochs two words\n[alice] some data\n");
    expect(run.stderr()).toContain("[alice] warn\n");
    expect(run.stderr()).toMatch(/^job\/train-\w{5}: sending 4 files, \d+ B \(largest: train\.sh/);
    expect(run.stderr()).toMatch(/downloaded: 1 file, 3 B\n +3 B {2}model\.bin\n/);
    expect(run.stderr()).toContain("notes.txt was there and homie did not write it");
    expect(readFileSync(join(directory, "model.bin"), "utf8")).toBe("42\n");
    expect(readFileSync(join(directory, "notes.txt"), "utf8")).toBe("years of work\n");
    const name = nameIn(run.stderr());
    expect(readFileSync(join(home.home, "results", name, "notes.txt"), "utf8")).toBe("new\n");
    expect(readFileSync(join(home.home, "desired", "jobs", `${name}.yaml`), "utf8")).toContain("script: train.sh");

    const copied = homie(directory, ["cp", `job/${name}:notes.txt`, "copy.txt"]);
    expect(await copied.code).toBe(0);
    expect(readFileSync(join(directory, "copy.txt"), "utf8")).toBe("new\n");

    // What homie wrote itself it may replace; with --force also the rest.
    const again = homie(directory, ["run", "train.sh", "-e", "SEED=43", "--force"]);
    expect(await again.code).toBe(3);
    expect(readFileSync(join(directory, "model.bin"), "utf8")).toBe("43\n");
    expect(readFileSync(join(directory, "notes.txt"), "utf8")).toBe("new\n");
  });

  it("runs a command with options of its own, puts outputs elsewhere, and sends only what is named", async () => {
    const directory = project("command", { "a.txt": "a", "b.txt": "b" });
    const args = ["run", "--no-project", "-f", "a.txt", "--out", "../elsewhere", "-o-glob", "*.out"];
    const script = "ls -a; echo 1 >x.out; echo 2 >x.log";
    const run = homie(directory, [...args, "--", "sh", "-c", script, "-e"]);
    expect(await run.code).toBe(0);
    expect(run.stdout()).toContain("[alice] a.txt\n");
    expect(run.stdout()).not.toContain("b.txt");
    expect(readdirSync(join(home.root, "elsewhere"))).toEqual(["x.out"]);
    expect(readdirSync(directory).toSorted()).toEqual(["a.txt", "b.txt"]);
  });

  it("says how to come back at the first Ctrl-C, and cancels at the second; attach follows the same job", async () => {
    const directory = project("interrupt", {});
    const run = homie(directory, ["run", "--", "sh", "-c", "echo begun; sleep 600"]);
    await run.says("[alice] begun");
    const name = nameIn(run.stderr());
    const attached = homie(directory, ["attach", `job/${name}`]);
    await attached.says("[alice] begun");
    run.child.kill("SIGINT");
    await run.says(`homie attach job/${name}`);
    expect(await home.ok(["get", "job", name, "-o", "jsonpath={.status.phase}"])).toBe("Running");
    run.child.kill("SIGINT");
    expect([await run.code, await attached.code]).toEqual([130, 130]);
    expect(run.stderr()).toContain(`job/${name} cancelled\n`);
    expect(attached.stderr()).toContain(`job/${name} cancelled\n`);
  });

  it("gives up a job that no peer will take, with the reasons", async () => {
    const directory = project("nobody", {});
    const run = homie(directory, ["run", "--memory", "1000Ti", "--", "true"]);
    expect(await run.code).toBe(126);
    expect(run.stderr()).toMatch(/^error: no peer would take job\/true-/m);
    const phase = await home.ok(["get", "job", nameIn(run.stderr()), "-o", "jsonpath={.status.phase}"]);
    expect(phase).toBe("Cancelled");
  });

  it("ends with 124 when the time is over", async () => {
    const run = homie(project("slow", {}), ["run", "--timeout", "1", "--", "sleep", "600"]);
    expect(await run.code).toBe(124);
  });

  it("--detach leaves a job behind that kill ends, and --dry-run leaves nothing", async () => {
    const directory = project("detached", { "a.txt": "a" });
    const run = homie(directory, ["run", "--detach", "--name", "left", "--", "sleep", "600"]);
    expect([await run.code, run.stdout()]).toEqual([0, "job/left\n"]);
    expect(await home.ok(["kill", "job/left"])).toBe("job/left cancelled\n");
    const dry = homie(directory, ["run", "--dry-run", "--name", "dry", "--", "true"]);
    expect([await dry.code, dry.stderr()]).toEqual([0, "would send 1 file, 1 B:\n  1 B  a.txt\n"]);
    expect(existsSync(join(home.home, "desired", "jobs", "dry.yaml"))).toBe(false);
    const applied = await home.ok(["apply", "-f", "-", "--wait", "--timeout", "60s"], dry.stdout());
    expect(applied).toBe("job/dry created\njob/dry succeeded\n");
  });

  it("refuses to send homie's own directory", async () => {
    const run = homie(home.home, ["run", "--", "true"]);
    expect([await run.code, run.stderr().includes("homie's own directory")]).toEqual([2, true]);
  });
});
