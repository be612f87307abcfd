import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestHome } from "../../support/cli.ts";
import { startEngine, testImage, whyNoEngine, type TestEngine } from "../../support/engine.ts";
import { promised, promisedMs } from "../../support/promised.ts";

const reason =
  process.platform !== "linux" || process.getuid?.() !== 0 ? "mounting needs root on Linux" : await whyNoEngine();
const suite = reason === undefined ? describe : describe.skip;

suite(`F-05: the disk of the home is full${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let engine: TestEngine;
  let home: TestHome;
  let isMounted = false;

  beforeAll(async () => {
    engine = await startEngine();
    home = new TestHome({ DOCKER_HOST: engine.host });
    mkdirSync(home.home, { mode: 0o700 });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", home.home]);
    isMounted = true;
    await home.ok(["up", "-d", "--name", "alice"]);
  });
  afterAll(async () => {
    if (isMounted) {
      free();
      await home.run(["down"]);
      execFileSync("umount", ["-l", home.home]);
    }
    await home?.close();
    await engine?.stop();
  });

  const ballast = (): string => join(home.home, "ballast");
  const fill = (): void => {
    const file = openSync(ballast(), "a");
    const block = Buffer.alloc(4096, 1);
    try {
      for (;;) writeSync(file, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  };
  const free = (): void => rmSync(ballast(), { force: true });
  const desired = (name: string): string => join(home.home, "desired", "jobs", `${name}.yaml`);
  const job = (name: string, script: string): string =>
    `apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: ${name}}\nspec:\n  image: ${testImage}\n  resources: {memory: 32Mi}\n  command: [sh, -c, '${script}']\n`;
  const phase = (name: string): Promise<string> =>
    home.ok(["get", "job", name, "-o", "jsonpath={.status.phase} {.status.exitCode}"]);

  it("refuses new work in words, keeps every file whole, says so, and goes on within 10 s of there being space", async () => {
    await home.ok(
      ["apply", "-f", "-"],
      job("running", "echo begun; sleep 5; head -c 300000 /dev/zero >out.bin; echo ended; exit 3"),
    );
    await home.ok(["wait", "job/running", "--for=phase=Running", "--timeout", "30s"]);
    await expect.poll(() => readFileSync(desired("running"), "utf8")).toContain("phase: Running");
    fill();
    const before = readFileSync(desired("running"), "utf8");
    const refused = await home.run(["apply", "-f", "-"], job("late", "true"));
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/ENOSPC|disk is full|disk space/);
    const edited = await home.run(["apply", "-f", "-"], job("running", `${"x".repeat(9000)}`));
    expect(edited.code).not.toBe(0);
    // The job ends while nothing can be written down.
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    await expect
      .poll(async () => (await home.json(["status"]))["warnings"])
      .toContainEqual(expect.stringContaining("is full"));
    await expect.poll(() => home.ok(["describe", "job", "running"])).toMatch(/StateUnusable|ENOSPC/);
    expect(readFileSync(desired("running"), "utf8")).toBe(before);
    expect(readdirSync(join(home.home, "desired", "jobs"))).toEqual(["running.yaml"]);
    free();
    const freedMs = performance.now();
    await expect.poll(() => phase("running"), promised(10_000)).toBe("Failed 3");
    expect(performance.now() - freedMs).toBeLessThan(promisedMs(10_000));
    expect(await home.ok(["logs", "job/running", "--stdout"])).toBe("begun\nended\n");
    expect(readFileSync(join(home.home, "results", "running", "out.bin")).length).toBe(300_000);
    await home.ok(["apply", "-f", "-", "--wait", "--timeout", "30s"], job("late", "true"));
    expect(await phase("late")).toBe("Succeeded 0");
  });
});
