import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect, publish } from "./power/publisher.ts";

const program = fileURLToPath(new URL("power/publisher.ts", import.meta.url));
/** What changes names or promises that they last. Between two of them nothing can be seen of what is done. */
const calls = ["mkdir", "rename", "link", "unlink", "fsync", "copy_file_range", "fchmod"] as const;
const missing = existsSync("/usr/bin/strace") ? "" : " (skipped: /usr/bin/strace is missing)";

describe.skipIf(missing !== "")(`F-03: whoever brings files home is killed before any of its steps${missing}`, () => {
  let scratch: string;
  let root: string;
  let before: string;
  let kills = 0;
  let published: Awaited<ReturnType<typeof publish>>;
  let after: ReadonlyMap<string, string>;
  const next = (): { readonly root: string; readonly generation: number } => ({ root, generation: 2 });

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "homie-publish-kills-"));
    root = join(scratch, "machine");
    before = join(scratch, "before");
    collect({ root, generation: 1 });
    await publish({ root, generation: 1 });
    collect(next());
    cpSync(root, before, { recursive: true, preserveTimestamps: true });
    published = await publish(next());
    after = treeOf(root);
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** Runs it to its end, or to its nth call of that name, which the kernel does not carry out any more. */
  function runUntil(call: string, count: number): "killed" | "through" {
    rmSync(root, { recursive: true });
    cpSync(before, root, { recursive: true, preserveTimestamps: true });
    const inject = `inject=${call}:signal=KILL:when=${count}`;
    const argv = ["-f", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject, process.execPath, program, root, "2"];
    // Counted for each thread: all work on files is to be that of one.
    const env = { ...process.env, UV_THREADPOOL_SIZE: "1" };
    const { status, signal, stderr } = spawnSync("strace", argv, { encoding: "utf8", env });
    if (signal === "SIGKILL") return "killed";
    expect(status, stderr).toBe(0);
    return "through";
  }

  it("brings five files of a second generation home", () => {
    expect(published.files).toHaveLength(5);
    expect(published.diverted).toEqual([]);
    expect([...after.keys()].filter((name) => name.startsWith("home/results/")).length).toBeGreaterThan(4);
  });

  it.each(calls)(
    "%s: every file is the old or the new one, and the next run leaves what one run leaves",
    async (call) => {
      let count = 1;
      for (; runUntil(call, count) === "killed"; count += 1) {
        const torn = treeOf(root);
        for (const [name, content] of treeOf(before)) {
          // What the first generation left is moved aside first, as one.
          const aside = name.replace(/^home\/results\/train\b/, "home/results/train.g1");
          const isWhole = torn.get(aside) === content || [content, after.get(name)].includes(torn.get(name));
          expect([call, count, name, isWhole]).toEqual([call, count, name, true]);
        }
        expect([call, count, await publish(next())]).toEqual([call, count, published]);
        expect([call, count, treeOf(root)]).toEqual([call, count, after]);
      }
      kills += count - 1;
    },
  );

  it("was killed in all these places", () => {
    // Which call copies a file is a matter of the file system.
    expect(kills).toBeGreaterThan(20);
  });
});

/** Mode and content of every file people may see, by its path; whose results they are is told by the marker among them. */
function treeOf(root: string): ReadonlyMap<string, string> {
  const seen = ["home/results", "user"].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: "utf8" }).map((name) => join(top, name)),
  );
  const files = seen.map((name) => [name, statSync(join(root, name))] as const);
  return new Map(
    files
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, facts]) => [
        name,
        `${(facts.mode & 0o777).toString(8)} ${facts.isFile() ? readFileSync(join(root, name), "utf8") : "directory"}`,
      ]),
  );
}
