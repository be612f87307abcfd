import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptPaths, homePaths } from "../../../src/adapters/home.ts";
import { createPublisher } from "../../../src/adapters/outputs/publisher.ts";
import type { PublishOutcome } from "../../../src/controllers/job/ports.ts";
import type { Attempt } from "../../../src/resources/attempt.ts";
import type { Job } from "../../../src/resources/job.ts";
import { sampleAttempt } from "../project/attempt-sample.ts";
import { asOrdinaryUser } from "../../support/ordinary-user.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const signal = new AbortController().signal;
const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

let root: string;
let to: string;
let results: string;
let recorded: Map<string, string>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-publish-"));
  to = join(root, "wanted");
  results = join(root, "home", "results", "train");
  recorded = new Map();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const paths = () => homePaths(join(root, "home"));

interface Run {
  readonly uid?: string;
  readonly generation?: number;
  readonly attempt?: number;
}

/** An attempt whose collected files lie where the collector puts them; "to:" before a path uses the rule with `to`. */
function collected(
  files: Readonly<Record<string, string>>,
  { uid = "uid-1", generation = 1, attempt = 1 }: Run = {},
): Attempt {
  const rule = { paths: ["*"], exclude: [], required: false, when: "Always" } as const;
  const base = sampleAttempt({ attempt, outputs: [rule, { ...rule, to }] }, uid);
  const outputs = Object.entries(files).map(([key, text]) => {
    const path = key.replace(/^to:/, "");
    const file = join(attemptPaths(paths(), uid, attempt).outputs, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return {
      path,
      bytes: text.length,
      sha256: sha(text),
      rule: key.startsWith("to:") ? 1 : 0,
      executable: path.endsWith(".sh"),
    };
  });
  return {
    ...base,
    spec: { ...base.spec, job: { ...base.spec.job, uid, generation } },
    status: { phase: "Collecting", createdAt: "2026-01-01T00:00:00Z", outputs },
  };
}

async function publish(attempt: Attempt, annotations: Readonly<Record<string, string>> = {}): Promise<PublishOutcome> {
  const job: Job = {
    apiVersion: "homie.dev/v1",
    kind: "Job",
    metadata: { ...attempt.metadata, name: "train", annotations },
    spec: {},
  };
  const published = {
    recordPublished: (path: string, hash: string) => void recorded.set(path, hash),
    publishedSha: (path: string) => recorded.get(path),
  };
  return createPublisher({ paths: paths(), published, log }).publish(job, attempt, signal);
}

const read = (path: string): string => readFileSync(path, "utf8");
const visible = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name !== ".homie-results.json")
    .sort();

describe("files without a destination", () => {
  test("land in results/JOB with their paths and modes, and publishing again changes nothing", async () => {
    const attempt = collected({ "model.pkl": "m", "logs/run.sh": "#!" });
    const outcome = await publish(attempt);
    expect(outcome).toEqual({
      files: [
        { path: "model.pkl", bytes: 1, sha256: sha("m") },
        { path: "logs/run.sh", bytes: 2, sha256: sha("#!") },
      ],
      path: results,
      diverted: [],
    });
    expect(statSync(join(results, "logs/run.sh")).mode & 0o777).toBe(0o755);
    const before = statSync(join(results, "model.pkl")).ino;
    rmSync(attemptPaths(paths(), "uid-1", 1).outputs, { recursive: true });
    expect(await publish(attempt)).toEqual(outcome);
    expect(statSync(join(results, "model.pkl")).ino).toBe(before);
    expect(visible(results)).toEqual(["logs", "model.pkl"]);
  });

  test("move results of earlier generations, attempts and jobs of the name aside", async () => {
    await publish(collected({ a: "1" }));
    await publish(collected({ a: "2" }, { attempt: 2 }));
    await publish(collected({ a: "3" }, { generation: 2 }));
    await publish(collected({ b: "4" }, { uid: "uid-2" }));
    await publish(collected({ b: "5" }, { uid: "uid-3", generation: 2 }));
    expect(readdirSync(dirname(results)).sort()).toEqual([
      "train",
      "train.g1",
      "train.g1-a1",
      "train.g1.2",
      "train.g2",
    ]);
    expect(read(join(results, "b"))).toBe("5");
    expect(read(`${results}.g1-a1/a`)).toBe("1");
    expect(read(`${results}.g1/a`)).toBe("2");
    expect(read(`${results}.g2/a`)).toBe("3");
    expect(read(`${results}.g1.2/b`)).toBe("4");
  });

  test("move away what somebody else put in the place of results/JOB, links included", async () => {
    mkdirSync(results, { recursive: true });
    writeFileSync(join(results, "mine"), "keep");
    await publish(collected({ a: "1" }));
    expect(read(`${results}.g0/mine`)).toBe("keep");
    rmSync(results, { recursive: true });
    symlinkSync(root, results);
    await publish(collected({ a: "1" }));
    expect(existsSync(join(root, "a"))).toBe(false);
    expect(read(join(results, "a"))).toBe("1");
  });

  test("complete what a run killed in the middle left", async () => {
    const attempt = collected({ a: "1", "d/b": "2" });
    await publish(attempt);
    rmSync(join(results, "d/b"));
    writeFileSync(join(results, "a"), "torn");
    await publish(attempt);
    expect([read(join(results, "a")), read(join(results, "d/b"))]).toEqual(["1", "2"]);
    for (const left of [[], ["0e4c1a5e-35c3-4d2c-9b0e-0c8f3a9d7e11"], ["a", "b"]]) {
      rmSync(results, { recursive: true });
      mkdirSync(results);
      for (const name of left) writeFileSync(join(results, `.homie-results.json.${name}.homie-part`), '{"uid":');
      await publish(attempt);
      expect(visible(dirname(results))).toEqual(["train"]);
      expect(visible(results)).toEqual(["a", "d"]);
    }
  });

  test("never go through a link that leaves the directory", async () => {
    await publish(collected({ a: "1" }));
    symlinkSync(root, join(results, "d"));
    await expect(publish(collected({ a: "1", "d/b": "2" }))).rejects.toMatchObject({ code: "OutputRejected" });
    expect(existsSync(join(root, "b"))).toBe(false);
  });

  test("that differ from what was collected are refused", async () => {
    const attempt = collected({ a: "1" });
    writeFileSync(join(attemptPaths(paths(), "uid-1", 1).outputs, "a"), "2");
    await expect(publish(attempt)).rejects.toMatchObject({ code: "OutputRejected" });
    expect(visible(results)).toEqual([]);
  });

  test.each(["../x", "/x", ".homie-results.json"])("named %j are refused", async (path) => {
    const attempt = collected({ a: "1" });
    const outputs = [{ path, bytes: 1, sha256: sha("1"), rule: 0, executable: false }];
    const status = { phase: "Collecting", createdAt: "2026-01-01T00:00:00Z", outputs } as const;
    await expect(publish({ ...attempt, status })).rejects.toMatchObject({ code: "OutputRejected" });
  });
});

describe("files with a destination", () => {
  test("land there and are replaced by the next generation", async () => {
    const outcome = await publish(collected({ "to:out/a.txt": "1", "to:b": "2", c: "3" }));
    expect(outcome).toMatchObject({
      path: to,
      diverted: [],
      files: [{ path: "out/a.txt" }, { path: "b" }, { path: join(results, "c") }],
    });
    await publish(collected({ "to:out/a.txt": "new" }, { generation: 2 }));
    expect(read(join(to, "out/a.txt"))).toBe("new");
    expect(visible(to)).toEqual(["b", "out"]);
  });

  test("replace what homie did not write when the Job says so, but only a file and not through a link", async () => {
    mkdirSync(join(to, "taken"), { recursive: true });
    writeFileSync(join(to, "notes.txt"), "old");
    writeFileSync(join(root, "elsewhere"), "mine");
    symlinkSync(join(root, "elsewhere"), join(to, "link"));
    const attempt = collected({ "to:notes.txt": "new", "to:link": "x", "to:taken": "y" });
    const { diverted } = await publish(attempt, { "homie.dev/overwrite": "true" });
    expect(diverted.map(({ path }) => path)).toEqual(["link", "taken"]);
    expect([read(join(to, "notes.txt")), read(join(root, "elsewhere"))]).toEqual(["new", "mine"]);
    expect((await publish(attempt, { "homie.dev/overwrite": "false" })).diverted).toHaveLength(2);
    writeFileSync(join(to, "notes.txt"), "changed by hand");
    expect((await publish(attempt, { "homie.dev/overwrite": "false" })).diverted).toHaveLength(3);
    expect(read(join(to, "notes.txt"))).toBe("changed by hand");
  });

  test("never replace what homie did not write", async () => {
    mkdirSync(to);
    writeFileSync(join(to, "thesis.txt"), "years of work");
    const outcome = await publish(collected({ "to:thesis.txt": "x" }));
    expect(read(join(to, "thesis.txt"))).toBe("years of work");
    expect(read(join(results, "thesis.txt"))).toBe("x");
    expect(outcome.diverted).toEqual([
      { path: "thesis.txt", because: expect.stringContaining("homie did not write it") },
    ]);
    expect(outcome.path).toBe(results);
  });

  test("never replace what was changed since", async () => {
    await publish(collected({ "to:a": "1" }));
    writeFileSync(join(to, "a"), "edited");
    const outcome = await publish(collected({ "to:a": "2" }, { generation: 2 }));
    expect(read(join(to, "a"))).toBe("edited");
    expect(outcome.diverted[0]?.because).toContain("changed since");
  });

  test("that are there already are left, and stay the user's if they were", async () => {
    mkdirSync(to);
    writeFileSync(join(to, "a"), "same");
    expect((await publish(collected({ "to:a": "same" }))).diverted).toEqual([]);
    expect((await publish(collected({ "to:a": "next" }, { generation: 2 }))).diverted).toHaveLength(1);
  });

  test("are homie's own again after a kill between rename and record", async () => {
    await publish(collected({ "to:a": "1" }));
    const next = collected({ "to:a": "2" }, { generation: 2 });
    writeFileSync(join(to, "a"), "2");
    await publish(next);
    expect((await publish(collected({ "to:a": "3" }, { generation: 3 }))).diverted).toEqual([]);
    expect(read(join(to, "a"))).toBe("3");
  });

  test("leave no copy behind that a killed run had made, whether it had its name or not", async () => {
    const attempt = collected({ "to:named": "1", "to:taken": "2" });
    const tags = ["named", "taken"].map((path) => sha(`${attempt.metadata.name}/${path}`).slice(0, 16));
    mkdirSync(to);
    for (const tag of tags) writeFileSync(join(to, `.homie-part-${tag}`), "1");
    linkSync(join(to, `.homie-part-${tags[0]}`), join(to, "named"));
    writeFileSync(join(to, "taken"), "mine");
    expect((await publish(attempt)).diverted.map(({ path }) => path)).toEqual(["taken"]);
    expect(visible(to)).toEqual(["named", "taken"]);
  });

  test("are diverted where a link or a file stands in the way, or the directory is homie's", async () => {
    mkdirSync(to);
    mkdirSync(join(root, "elsewhere"));
    symlinkSync(join(root, "elsewhere"), join(to, "d"));
    symlinkSync(join(root, "elsewhere", "x"), join(to, "link"));
    writeFileSync(join(to, "f"), "");
    const outcome = await publish(collected({ "to:d/a": "1", "to:f/b": "2", "to:link": "3" }));
    expect(outcome.diverted).toHaveLength(3);
    expect(readdirSync(join(root, "elsewhere"))).toEqual([]);
    to = join(root, "home", "desired");
    expect((await publish(collected({ "to:job.yaml": "x" }))).diverted[0]?.because).toContain("homie's own");
    expect(existsSync(join(to, "job.yaml"))).toBe(false);
  });

  test("are diverted where this user may not write", async () => {
    mkdirSync(to);
    chmodSync(to, 0o500);
    const attempt = collected({ "to:a": "1" });
    const all = readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => join(root, name));
    await asOrdinaryUser([root, ...all], async () => {
      expect((await publish(attempt)).diverted).toHaveLength(1);
    });
  });
});
