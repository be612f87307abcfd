import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Job } from "../../src/resources/job.ts";
import { spliceStatus } from "../../src/resources/splice-status.ts";
import { ApplyConflictError, InvalidResourceError } from "../../src/store/declared-errors.ts";
import type { ApplyRequest } from "../../src/store/declared.ts";
import { age, jobText, openHome, type HomeFixture } from "../adapters/files/home-fixture.ts";
import { manifest } from "./store-fixture.ts";

const request = (text: string, more: Partial<ApplyRequest> = {}): ApplyRequest => ({
  file: "in.yaml",
  text,
  baseDirectory: "/project",
  ...more,
});
const actions = async (home: HomeFixture, text: string, more: Partial<ApplyRequest> = {}): Promise<readonly string[]> =>
  (await home.writer.apply(request(text, more))).results.map(({ kind, name, action }) => `${kind}/${name} ${action}`);
const edit = async (home: HomeFixture, name: string, change: (text: string) => string): Promise<void> => {
  const path = join(home.paths.desired, name);
  writeFileSync(path, change(readFileSync(path, "utf8")));
  age(path);
  await home.loop.rescan();
};
const caught = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("a first apply", () => {
  test("copies the input byte for byte and remembers where its paths start", async () => {
    await using home = openHome();
    const text = `# my job\n---\n${jobText("x")}\n\n`;
    expect(await actions(home, text)).toEqual(["Job/x created"]);
    expect(home.text("jobs/x.yaml")).toBe(text);
    expect(home.store.origin({ kind: "Job", name: "x" })).toEqual({
      file: join(home.paths.desired, "jobs/x.yaml"),
      document: 0,
      baseDirectory: "/project",
    });
  });

  test("of several documents gives each its own bytes in its own file", async () => {
    await using home = openHome();
    const limits = "apiVersion: homie.dev/v1\nkind: Limits\nmetadata: {name: default} # mine\nspec: {maxJobs: 2}\n";
    expect(await actions(home, `${jobText("x")}---\n# second\n${limits}`)).toEqual([
      "Job/x created",
      "Limits/default created",
    ]);
    expect(home.text("jobs/x.yaml")).toBe(jobText("x"));
    expect(home.text("limits.yaml")).toBe(`# second\n${limits}`);
  });

  test("with one bad document changes nothing at all", async () => {
    await using home = openHome();
    const error = await caught(
      home.writer.apply(request(`${jobText("x")}---\n${jobText("y").replace("image:", "imgae:")}`)),
    );
    expect(error).toBeInstanceOf(InvalidResourceError);
    expect((error as InvalidResourceError).problems[0]).toMatchObject({ file: "in.yaml", line: 14 });
    expect(readdirSync(home.paths.desired)).toEqual([]);
  });

  test("refuses a name that the input declares twice", async () => {
    await using home = openHome();
    expect(await caught(home.writer.apply(request(`${jobText("x")}---\n${jobText("x")}`)))).toBeInstanceOf(
      InvalidResourceError,
    );
  });

  test("never overwrites a file that holds something else", async () => {
    await using home = openHome();
    home.put("jobs/x.yaml", jobText("other"));
    await actions(home, jobText("x"));
    expect(home.text("jobs/x.yaml")).toBe(jobText("other"));
    expect(home.text("jobs/x-2.yaml")).toBe(jobText("x"));
  });

  test("as a dry run writes nothing", async () => {
    await using home = openHome();
    expect(await actions(home, jobText("x"), { dryRun: true })).toEqual(["Job/x created"]);
    expect(readdirSync(home.paths.desired)).toEqual([]);
    expect(home.names()).toEqual([]);
  });
});

describe("a later apply", () => {
  test("of the same input is unchanged and writes nothing", async () => {
    await using home = openHome();
    await actions(home, jobText("x"));
    const version = home.store.currentVersion();
    expect(await actions(home, jobText("x"))).toEqual(["Job/x unchanged"]);
    expect(home.store.currentVersion()).toBe(version);
  });

  test("takes the place of an untouched file, comments and all, although homie put status into it", async () => {
    await using home = openHome();
    await actions(home, jobText("x"));
    await edit(home, "jobs/x.yaml", (text) => {
      const spliced = spliceStatus(text, 0, { phase: "Running", outputs: [] });
      return spliced.ok ? spliced.text : "";
    });
    const next = `# rewritten\n${jobText("x", "newer")}`;
    expect(await actions(home, next)).toEqual(["Job/x configured"]);
    expect(home.text("jobs/x.yaml")).toBe(next);
    expect(home.store.list("Job")[0]!.metadata.generation).toBe(2);
  });

  test("keeps edits and comments made by hand in a file", async () => {
    await using home = openHome();
    await actions(home, jobText("x"));
    await edit(home, "jobs/x.yaml", (text) => `# by hand\n${text}  priority: 5\n`);
    expect(await actions(home, jobText("x", "newer"))).toEqual(["Job/x configured"]);
    expect(home.text("jobs/x.yaml")).toBe(`# by hand\n${jobText("x", "newer")}  priority: 5\n`);
    expect(home.store.list<Job>("Job")[0]!.spec).toMatchObject({ image: "newer", priority: 5 });
  });

  test("that wants another value than the edit by hand is a conflict and changes no file", async () => {
    await using home = openHome();
    await actions(home, jobText("x"));
    await edit(home, "jobs/x.yaml", (text) => text.replace("busybox", "by-hand"));
    const before = home.text("jobs/x.yaml");
    const input = `${jobText("x", "by-input")}---\n${jobText("y")}`;
    const error = await caught(home.writer.apply(request(input)));
    expect(error).toBeInstanceOf(ApplyConflictError);
    expect((error as ApplyConflictError).conflicts).toEqual([
      { kind: "Job", name: "x", path: "spec.image", live: "by-hand", input: "by-input" },
    ]);
    expect(home.text("jobs/x.yaml")).toBe(before);
    expect(existsSync(join(home.paths.desired, "jobs/y.yaml"))).toBe(false);
    expect(await actions(home, input, { forceConflicts: true })).toEqual(["Job/x configured", "Job/y created"]);
    expect(home.text("jobs/x.yaml")).toContain("by-input");
  });

  test("of a file in desired/ itself only reads it", async () => {
    await using home = openHome();
    const path = home.put("mine/x.yaml", jobText("x"));
    const [result] = (await home.writer.apply(request(jobText("x"), { file: path }))).results;
    expect(result).toMatchObject({ action: "created", file: path });
    expect(readdirSync(home.paths.desired)).toEqual(["mine"]);
    expect(home.store.origin({ kind: "Job", name: "x" })?.baseDirectory).toBe(join(home.paths.desired, "mine"));
  });

  test("never creates a lost directory again, which would delete what it held", async () => {
    await using home = openHome();
    await actions(home, jobText("x"));
    rmSync(join(home.paths.desired, "jobs"), { recursive: true });
    expect(await caught(home.writer.apply(request(jobText("y"))))).toMatchObject({
      code: "Conflict",
      hint: expect.stringContaining("bring"),
    });
    expect(home.store.list("Job")[0]!.metadata.deletionTimestamp).toBeUndefined();
  });

  test("of an object on its way out waits in the file and becomes a new object", async () => {
    await using home = openHome();
    await actions(home, jobText("x"));
    const { uid } = home.store.list("Job")[0]!.metadata;
    await home.writer.remove({ kind: "Job", name: "x" });
    expect(await actions(home, jobText("x", "newer"))).toEqual(["Job/x created"]);
    expect(await actions(home, jobText("x", "newest"))).toEqual(["Job/x configured"]);
    home.store.setFinalizers({ kind: "Job", name: "x" }, []);
    const job = home.store.list<Job>("Job")[0]!;
    expect([job.metadata.uid === uid, job.spec.image]).toEqual([false, "newest"]);
    expect(readdirSync(join(home.paths.desired, "jobs"))).toEqual(["x.yaml"]);
    expect(home.store.origin({ kind: "Job", name: "x" })?.baseDirectory).toBe("/project");
  });
});

describe("writes of single objects", () => {
  const spec = { image: "busybox", command: ["echo"] };

  test("create makes a file, and a second create is AlreadyExists", async () => {
    await using home = openHome();
    const job = await home.writer.write(manifest("Job", "x", spec), { mode: "create" });
    expect(job.metadata.generation).toBe(1);
    expect(home.text("jobs/x.yaml")).toContain("kind: Job");
    expect(await caught(home.writer.write(manifest("Job", "x", spec), { mode: "create" }))).toMatchObject({
      code: "AlreadyExists",
    });
  });

  test("replace keeps comments and order, and needs the newest version", async () => {
    await using home = openHome();
    await actions(home, jobText("x"));
    const { resourceVersion } = home.store.list("Job")[0]!.metadata;
    const next = manifest("Job", "x", { image: "newer", command: ["echo", "hi"] });
    const written = await home.writer.write(next, { mode: "replace", expectedVersion: resourceVersion });
    expect(home.text("jobs/x.yaml")).toBe(jobText("x", "newer"));
    expect(written.metadata.generation).toBe(2);
    expect(await caught(home.writer.write(next, { mode: "replace", expectedVersion: resourceVersion }))).toMatchObject({
      code: "Conflict",
    });
    expect(await caught(home.writer.write(manifest("Job", "z", spec), { mode: "replace" }))).toMatchObject({
      code: "NotFound",
    });
  });

  test("an invalid object is refused and a dry run writes nothing", async () => {
    await using home = openHome();
    expect(await caught(home.writer.write(manifest("Job", "x", { imgae: "a" }), { mode: "create" }))).toBeInstanceOf(
      InvalidResourceError,
    );
    const dry = await home.writer.write(manifest("Job", "x", spec), { mode: "create", dryRun: true });
    expect(dry.spec).toEqual(spec);
    expect(readdirSync(home.paths.desired)).toEqual([]);
  });

  test("remove takes out one document, and the file with its last", async () => {
    await using home = openHome();
    home.put("both.yaml", `${jobText("x")}---\n${jobText("y")}`);
    await home.loop.rescan();
    const removed = await home.writer.remove({ kind: "Job", name: "x" });
    expect(removed.metadata.deletionTimestamp).toBeDefined();
    expect(home.text("both.yaml")).toBe(`---\n${jobText("y")}`);
    await home.writer.remove({ kind: "Job", name: "y" });
    expect(existsSync(join(home.paths.desired, "both.yaml"))).toBe(false);
    expect(await caught(home.writer.remove({ kind: "Job", name: "nobody" }))).toMatchObject({ code: "NotFound" });
    expect(await caught(home.writer.remove({ kind: "Job", name: "x" }, { uid: "other" }))).toMatchObject({
      code: "Conflict",
    });
  });
});
