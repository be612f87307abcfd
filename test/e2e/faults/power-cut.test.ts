import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../../src/adapters/sqlite/open-database.ts";
import { type Loss, LosingDisk, losses } from "./power/disk.ts";
import { type FileStep, traceFiles } from "./power/trace.ts";

const writer = fileURLToPath(new URL("power/writer.ts", import.meta.url));
const rounds = 12;

interface Left {
  readonly file: number;
  readonly database: readonly number[];
  readonly setAside: string | undefined;
}

describe("F-04: a power cut after any step of a write", () => {
  let scratch: string;
  let root: string;
  let steps: readonly FileStep[];
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "homie-power-"));
    root = join(scratch, "before");
    steps = traceFiles(writer, [root, String(rounds)], root);
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  /** What homie finds afterwards: the rounds that its file and each of its three rows are of, 0 before the first. */
  function leftOf(disk: LosingDisk, loss: Loss): Left {
    const after = mkdtempSync(join(scratch, "after-"));
    try {
      disk.restore(root, after, loss);
      const config = join(after, "config.yaml");
      const text = existsSync(config) ? readFileSync(config, "utf8") : undefined;
      const file = text === undefined ? 0 : Number(/^# round (\d+)\n/.exec(text)?.[1]);
      if (text !== undefined) expect(text).toBe(`# round ${file}\n`.repeat(500));
      const database = openDatabase(join(after, "homie.db"));
      const rows = [0, 1, 2].map((part) => database.lastApplied.get("Job", `job-${part}`));
      database.close();
      return {
        file,
        database: rows.map((row) => Number(row?.baseDirectory.slice(1) ?? 0)),
        setAside: database.setAside,
      };
    } finally {
      rmSync(after, { recursive: true });
    }
  }

  it("is made of real system calls: files are written, synchronized and renamed, and so are directories", () => {
    const count = (kind: FileStep["kind"]): number => steps.filter((step) => step.kind === kind).length;
    expect([count("rename"), count("mark")]).toEqual([rounds, 2 * rounds]);
    expect(count("sync")).toBeGreaterThanOrEqual(2 * rounds);
    expect(count("sync-directory")).toBeGreaterThanOrEqual(rounds);
  });

  it.each(losses)(
    "leaves old or new, whole, and all that was said to be done: what was not synchronized is lost: %s",
    (loss) => {
      const disk = new LosingDisk();
      const done = { file: 0, database: 0 };
      for (const step of steps) {
        disk.take(step);
        if (step.kind === "mark") {
          const [what, round] = step.name.split("/");
          done[what as keyof typeof done] = Number(round);
        }
        const left = leftOf(disk, loss);
        expect(left.setAside).toBeUndefined();
        expect([done.file, done.file + 1]).toContain(left.file);
        expect([done.database, done.database + 1]).toContain(left.database[0]);
        // One transaction: all rows or none.
        expect(new Set(left.database).size).toBe(1);
      }
    },
  );

  it("would be noticed: a writer that does not synchronize loses what it said it had", () => {
    const disk = new LosingDisk();
    for (const step of steps) if (step.kind !== "sync") disk.take(step);
    expect(() => expect(leftOf(disk, "names")).toMatchObject({ file: rounds, setAside: undefined })).toThrow();
  });
});
