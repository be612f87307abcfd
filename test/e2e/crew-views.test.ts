import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { TestHome } from "../support/cli.ts";

const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const hasScript = spawnSync("script", ["--version"]).status === 0;

/** A daemon that runs jobs as processes: no engine is needed to look at them. */
describe("what ran and what runs", () => {
  let home: TestHome;
  const job = (name: string, command: string): string =>
    `apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: ${name}}\nspec: {command: [sh, -c, ${JSON.stringify(command)}], backoffLimit: 0}\n`;

  beforeAll(async () => {
    home = new TestHome({ DOCKER_HOST: "unix:///nowhere/docker.sock", XDG_RUNTIME_DIR: "/nowhere" });
    await home.ok(["config", "--runtime", "process"]);
    await home.ok(["up", "-d", "--name", "alice"]);
    await home.ok(["apply", "-f", "-"], [job("good", "echo x > out.txt"), job("bad", "exit 3")].join("---\n"));
    for (const name of ["good", "bad"]) await home.ok(["wait", `job/${name}`, "--for=finished", "--timeout", "60s"]);
    await home.ok(["apply", "-f", "-"], job("long", "sleep 600"));
    await home.ok(["wait", "job/long", "--for=phase=Running", "--timeout", "60s"]);
  });
  afterAll(async () => {
    await home?.run(["cancel", "job/long"]);
    await home?.run(["wait", "job/long", "--for=finished", "--timeout", "60s"]);
    await home?.close();
  });

  const historyOf = async (...words: string[]): Promise<readonly Record<string, unknown>[]> =>
    (await home.json(["history", ...words]))["items"] as Record<string, unknown>[];

  test("ps shows what runs", async () => {
    const { items } = (await home.json(["ps"])) as { items: object[] };
    expect(items).toMatchObject([{ job: "long", attempt: 1, peer: "alice", role: "self", phase: "Running" }]);
    expect((await home.run(["ps", "--peer", "bob"])).stderr).toBe("nothing runs\n");
  });

  test("history has what ran, by each filter", async () => {
    const good = { job: "good", attempt: 1, peer: "alice", role: "self", phase: "Succeeded", exitCode: 0, outputs: 1 };
    expect(await historyOf("--success")).toMatchObject([good]);
    expect(await historyOf("--failed")).toMatchObject([{ job: "bad", exitCode: 3, error: expect.any(String) }]);
    expect(await historyOf("--role", "self", "--peer", "alice", "--since", "1h")).toHaveLength(2);
    for (const none of [
      ["--role", "plug"],
      ["--peer", "bob"],
      ["--since", "2100-01-01T00:00:00Z"],
      ["--limit", "0"],
    ])
      expect(await historyOf(...none)).toEqual([]);
    expect(await home.json(["history", "--stats"])).toMatchObject({
      all: { runs: 2, succeeded: 1, failed: 1, successPercent: 50, files: 1 },
    });
  });

  test("why tells where a job runs", async () => {
    expect(await home.ok(["why", "job/long"])).toMatch(/^job\/long is Running on alice, attempt 1/u);
    expect(await home.run(["why", "job/nobody"])).toMatchObject({ code: 1, stdout: "" });
  });

  test("a snoozing machine starts nothing until the snooze is off", async () => {
    expect(await home.ok(["snooze", "2h"])).toMatch(/^takes no new jobs until .* \(for 120m\)\n$/u);
    expect(await home.ok(["config"])).toMatch(/snoozed until +20/u);
    await home.ok(["apply", "-f", "-"], job("late", "true"));
    await home.ok(["wait", "job/late", "--for=jsonpath={.status.phase}=Pending", "--timeout", "60s"]);
    expect((await home.run(["ps"])).stdout).not.toContain("late");
    expect(await home.ok(["snooze", "--off"])).toBe("not snoozing: this machine takes jobs\n");
    await home.ok(["wait", "job/late", "--for=complete", "--timeout", "60s"]);
  });

  test("top prints once where there is no terminal", async () => {
    const text = await home.ok(["top"]);
    expect(text).toMatch(/^alice · lends 1\/.* 1 under way/u);
    expect(text).not.toContain("\u001B");
  });

  test.skipIf(!hasScript)("top on a terminal ends at q and gives the terminal back", async () => {
    const command = `${process.execPath} ${entry} top; stty -a`;
    const env = { ...process.env, HOMIE_HOME: home.home, TERM: "xterm" };
    const child = spawn("script", ["-qec", command, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => void child.kill());
    let seen = "";
    const code = await new Promise<number | null>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        const before = seen;
        seen += chunk.toString();
        if (seen.includes("alice · lends") && !before.includes("alice · lends")) child.stdin.write("q");
      });
      child.once("error", reject);
      child.once("close", resolve);
    });
    expect(code).toBe(0);
    const [, , afterwards = ""] = /\u001B\[\?1049h([^]*)\u001B\[\?1049l([^]*)/u.exec(seen) ?? [];
    expect(afterwards).toMatch(/[^-]icanon/u);
    expect(afterwards).toMatch(/[^-]echo /u);
  });

  test("history can be forgotten", async () => {
    await home.ok(["history", "--clear"]);
    expect(await historyOf()).toEqual([]);
  });
});
