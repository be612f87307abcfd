import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../../src/adapters/sqlite/open-database.ts";
import type { TestHome } from "../../support/cli.ts";
import { startEngine, whyNoEngine } from "../../support/engine.ts";
import { Bed, field, finish, job, run, up } from "./bed.ts";

const writer = fileURLToPath(new URL("power/stubborn-writer.ts", import.meta.url));
const rounds = 5;

describe("F-06: a disk that answers EIO", () => {
  let scratch: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "homie-eio-"));
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  /** Runs the writer; the nth synchronization of its main thread fails. Undefined: the program could not even begin. */
  function writeWith(failing: number, root: string): readonly string[] | undefined {
    const inject = `inject=fsync,fdatasync:error=EIO:when=${failing}`;
    const argv = ["-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject, process.execPath, writer];
    const { stdout, status, stderr } = spawnSync("strace", [...argv, root, String(rounds)], { encoding: "utf8" });
    if (status !== 0 && stdout === "" && /StateUnusable/.test(stderr)) return undefined;
    expect(status, stderr).toBe(0);
    return stdout.trim().split("\n");
  }

  it("is told of by whoever wrote; what was said to be done is there, and the old is whole", () => {
    const failures = new Set<string>();
    let begun = 0;
    for (let failing = 1; failing <= 24; failing += 1) {
      const root = mkdtempSync(join(scratch, "home-"));
      const lines = writeWith(failing, root);
      if (lines === undefined) continue;
      begun += 1;
      const last = (what: string): number =>
        Number(lines.findLast((line) => line.startsWith(`${what} `) && line.endsWith(" done"))?.split(" ")[1] ?? 0);
      for (const line of lines) if (line !== "open" && !line.endsWith(" done")) failures.add(line);
      const config = join(root, "config.yaml");
      const file = existsSync(config) ? Number(readFileSync(config, "utf8")) : 0;
      // What failed after it had its name may be there; what was said to be done is, unless something newer is.
      expect([failing, file >= last("file")]).toEqual([failing, true]);
      expect(readdirSync(root).filter((name) => name.startsWith(".homie-"))).toEqual([]);
      const database = openDatabase(join(root, "homie.db"));
      expect(database.setAside).toBeUndefined();
      const row = Number(database.lastApplied.get("Job", "job")?.baseDirectory.slice(1) ?? 0);
      database.close();
      expect([failing, row]).toEqual([failing, last("database")]);
    }
    expect(begun).toBeGreaterThan(10);
    for (const what of ["file", "database"])
      expect([...failures].filter((line) => line.startsWith(what)).length).toBeGreaterThan(3);
    expect([...failures].filter((line) => !line.endsWith(" StateUnusable"))).toEqual([]);
  });
});

const reason =
  process.platform !== "linux" || process.getuid?.() !== 0 ? "mounting needs root on Linux" : await whyNoEngine();

describe.skipIf(reason !== undefined)("F-06: desired/ on a file system that turned read-only", () => {
  let bed: Bed;
  let home: TestHome;
  beforeAll(async () => {
    bed = new Bed(await startEngine());
    home = bed.newHome();
    await up(home);
  });
  afterAll(async () => {
    await bed?.closeHomes();
    await bed?.engine.stop();
  });

  it("jobs go on and their status is known; nothing is written, which is said; it is written when it can be", async () => {
    await run(home, "running", "sleep 8; exit 3");
    const desired = join(home.home, "desired");
    const file = join(desired, "jobs", "running.yaml");
    await expect.poll(() => readFileSync(file, "utf8")).toContain("phase: Running");
    execFileSync("mount", ["--bind", desired, desired]);
    try {
      execFileSync("mount", ["-o", "remount,bind,ro", desired]);
      const refused = await home.run(["apply", "-f", "-"], job("late", "true"));
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toMatch(/EROFS|read-only/);
      expect(await finish(home, "running")).toBe("Failed");
      expect(await field(home, "running", ".status.exitCode")).toBe("3");
      expect(readFileSync(file, "utf8")).toContain("phase: Running");
      expect(readdirSync(join(desired, "jobs"))).toEqual(["running.yaml"]);
    } finally {
      execFileSync("umount", [desired]);
    }
    await expect.poll(() => readFileSync(file, "utf8"), { timeout: 30_000 }).toContain("phase: Failed");
    await home.ok(["apply", "-f", "-", "--wait", "--timeout", "30s"], job("late", "true"));
  });
});
