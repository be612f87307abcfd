import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createDesiredReader } from "../../src/adapters/files/read-desired.ts";
import { settleMs } from "../../src/adapters/files/settling.ts";
import type { Job } from "../../src/resources/job.ts";
import { validateManifest } from "../../src/resources/validate.ts";
import { renderProblem } from "../../src/store/desired-report.ts";
import { age } from "../adapters/files/home-fixture.ts";
import { said } from "../resources/samples.ts";
import { temporaryDirectory } from "../store/store-fixture.ts";
import { openCaseTimes } from "./support/case-times.ts";
import { expectSayable } from "./support/expect-sayable.ts";
import { openLivingHome, type LivingHome } from "./support/living-home.ts";
import { named, withLines } from "./yaml/case.ts";

const times = openCaseTimes("Y files");
afterAll(() => console.log(times.report()));

const goodText = withLines("args: [good]");
const isRoot = process.getuid?.() === 0;

/** A home in which the Job "x" is in force. */
async function homeWithGoodJob(): Promise<LivingHome> {
  const home = openLivingHome();
  home.put("x.yaml", goodText);
  await home.readLater();
  expect(home.job("x")?.spec.args).toEqual(["good"]);
  return home;
}

/** The Job of the last good version is there, unchanged and not on its way out, and everything else goes on. */
async function expectHeld(home: LivingHome, before: Job | undefined): Promise<void> {
  const { uid, generation } = home.job("x")?.metadata ?? {};
  expect([uid, generation, home.job("x")?.metadata.deletionTimestamp]).toEqual([
    before?.metadata.uid,
    before?.metadata.generation,
    undefined,
  ]);
  expect(home.job("x")?.spec).toEqual(before?.spec);
  expect(await home.witnessFollows()).toBe(true);
}

describe("Y-02 a Job cut off at any byte", () => {
  const spec = withLines(
    "args: [new, 'b c']",
    'env: [{name: A, value: "é 1"}]',
    "resources: {cpu: 500m, memory: 2Gi}",
    'outputs: [{paths: ["*.pkl"], required: true}]',
    "priority: 5",
  );
  const whole = `# the job\n${spec}# ${"a comment at the end ".repeat(18)}\n`;
  const bytes = Buffer.from(whole);

  it("is refused, or a whole Job; the good version is never lost and nothing is deleted", async () => {
    await using home = await homeWithGoodJob();
    const before = home.job("x");
    expect(bytes.length).toBeGreaterThan(600);
    for (let end = 0; end < bytes.length; end += 1) {
      home.put("x.yaml", bytes.subarray(0, end));
      await times.measure(`Y-02 cut at ${end}`, () => home.services.loop.rescan());
      if (end % 40 === 0) await home.readLater();
      const job = home.job("x");
      expect([job?.metadata.uid, job?.metadata.deletionTimestamp]).toEqual([before?.metadata.uid, undefined]);
      const { apiVersion, kind, metadata, spec } = job ?? ({} as Partial<Job>);
      expect(validateManifest({ apiVersion, kind, metadata: { name: metadata?.name }, spec })).toEqual([]);
      expect(spec?.script).toBe("a.py");
    }
    expect(await home.witnessFollows()).toBe(true);
  });

  it("is not even looked at before it has stood still", async () => {
    const root = temporaryDirectory();
    const path = join(root, "x.yaml");
    const time = { ms: Date.now() };
    const reader = createDesiredReader({ root, now: () => new Date(time.ms), monotonicMs: () => time.ms });
    for (let end = 1; end < bytes.length; end += 25) {
      writeFileSync(path, bytes.subarray(0, end));
      utimesSync(path, new Date(time.ms), new Date(time.ms));
      // A file's time is set in fractions of a second, so the last millisecond may be rounded away.
      time.ms += settleMs - 2;
      expect((await reader.read()).reading.files).toEqual([]);
      time.ms += 3;
      expect((await reader.read()).reading.files).toHaveLength(1);
    }
  });
});

describe("Y-17 the same name in two files", () => {
  it.each(["a.yaml", "z.yaml", "deep/er.yaml"])(
    "%s and x.yaml are both in conflict, and the good version stays",
    async (other) => {
      await using home = await homeWithGoodJob();
      const before = home.job("x");
      home.put(other, withLines("args: [other]"));
      await times.measure(`Y-17 ${other}`, () => home.services.loop.rescan());
      await home.readLater();
      for (const [name, its] of [
        ["x.yaml", other],
        [other, "x.yaml"],
      ] as const) {
        expect(said(home.problems(name)[0])).toContain("Conflict");
        expect(home.problems(name)[0]?.message).toContain(home.path(its));
      }
      await expectHeld(home, before);
      home.remove(other);
      await home.readLater();
      expect(home.services.store.problems()).toEqual([]);
    },
  );

  it("neither of them wins when none was in force", async () => {
    await using home = openLivingHome();
    home.put("a.yaml", withLines("args: [a]"));
    home.put("b.yaml", withLines("args: [b]"));
    await home.readLater();
    expect(home.job("x")).toBeUndefined();
    expect(home.services.store.problems()).toHaveLength(2);
  });
});

describe("Y-18 in place of a file", () => {
  const rows: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    ["a link to a manifest", (path) => symlinkSync(join(path, "..", "..", "elsewhere.yaml"), path), /symbolic link/],
    ["a link to /etc/shadow", (path) => symlinkSync("/etc/shadow", path), /symbolic link/],
    ["a link to itself", (path) => symlinkSync(path, path), /symbolic link/],
    ["a link to nothing", (path) => symlinkSync("/nowhere", path), /symbolic link/],
    ["a FIFO", (path) => void spawnSync("mkfifo", [path]), /FIFO/],
    ["a directory", (path) => mkdirSync(path), /directory/],
  ];
  it.each(rows)("%s is refused and never waited for", async (title, make, message) => {
    await using home = await homeWithGoodJob();
    const before = home.job("x");
    home.remove("x.yaml");
    make(home.path("x.yaml"));
    await times.measure(`Y-18 ${title}`, () => home.services.loop.rescan());
    await home.readLater();
    expect(home.problems("x.yaml")[0]?.message).toMatch(message);
    expectSayable(renderProblem(home.problems("x.yaml")[0]!));
    await expectHeld(home, before);
  });

  it("a socket is refused", async () => {
    await using home = await homeWithGoodJob();
    const before = home.job("x");
    home.remove("x.yaml");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(home.path("x.yaml"), resolve));
    await home.readLater();
    expect(home.problems("x.yaml")[0]?.message).toMatch(/socket/);
    await expectHeld(home, before);
    await new Promise((resolve) => server.close(resolve));
  });

  it.runIf(isRoot)("a device is refused", async () => {
    await using home = await homeWithGoodJob();
    const before = home.job("x");
    home.remove("x.yaml");
    const made = spawnSync("mknod", [home.path("x.yaml"), "c", "1", "5"]);
    // A sandbox may forbid making devices: then a link into /dev is what a person could have put there.
    if (made.status !== 0) symlinkSync("/dev/zero", home.path("x.yaml"));
    await home.readLater();
    expect(home.problems("x.yaml")[0]?.message).toMatch(made.status === 0 ? /device/ : /symbolic link/);
    await expectHeld(home, before);
  });

  it.runIf(isRoot)("a file of another user is refused", async () => {
    await using home = await homeWithGoodJob();
    const before = home.job("x");
    home.put("x.yaml", withLines("args: [foreign]"));
    chownSync(home.path("x.yaml"), 12_345, 12_345);
    await home.readLater();
    expect(home.problems("x.yaml")[0]?.message).toMatch(/belongs to user 12345/);
    await expectHeld(home, before);
  });

  it("a file without rights is unreadable, and says so", () => {
    const root = temporaryDirectory();
    const path = join(root, "x.yaml");
    const reader = fileURLToPath(new URL("../../src/adapters/files/read-desired.ts", import.meta.url));
    writeFileSync(path, goodText);
    age(path);
    if (isRoot) for (const each of [root, path]) chownSync(each, 65_534, 65_534);
    chmodSync(path, 0);
    // Root reads everything, so somebody else looks.
    const program = `const { readDesired } = await import(${JSON.stringify(reader)}); console.log(JSON.stringify(await readDesired(${JSON.stringify(root)})));`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
    });
    expect(child.stderr).toBe("");
    const reading = JSON.parse(child.stdout) as { unreadable: { path: string; message: string }[] };
    expect(reading.unreadable).toEqual([{ path, message: expect.stringMatching(/EACCES/) }]);
  });

  it("a directory that is moved away deletes nothing", async () => {
    await using home = openLivingHome();
    home.put("deep/x.yaml", goodText);
    await home.readLater();
    const before = home.job("x");
    renameSync(home.path("deep"), join(home.path(".."), "away"));
    await home.readLater();
    expect(home.services.store.problems()[0]?.message).toMatch(/directory deep is gone; job\/x stay in force/);
    await expectHeld(home, before);
  });
});

describe("Y-19 what an editor leaves beside a file", () => {
  it.each([
    ".#n.yaml",
    "#n.yaml#",
    "n.yaml~",
    "4913",
    ".n.yaml.swp",
    "n.yaml.swx",
    "n.yaml.tmp",
    "n.yaml.orig",
    "n.yaml.bak",
    ".git/n.yaml",
  ])("%s is ignored", async (name) => {
    await using home = await homeWithGoodJob();
    const before = home.job("x");
    home.put(name, named("intruder"));
    await home.readLater();
    expect(home.job("intruder")).toBeUndefined();
    expect(home.services.store.problems()).toEqual([]);
    await expectHeld(home, before);
  });

  it("a broken one of them is no problem either", async () => {
    await using home = await homeWithGoodJob();
    home.put(".x.yaml.swp", new Uint8Array(4096));
    home.put("x.yaml~", "a: [");
    await home.readLater();
    expect(home.services.store.problems()).toEqual([]);
  });
});

it("a file whose deletion is meant deletes: everything above is not mere refusal to delete", async () => {
  await using home = await homeWithGoodJob();
  rmSync(home.path("x.yaml"));
  await home.readLater();
  const job = home.job("x");
  expect(job === undefined || job.metadata.deletionTimestamp !== undefined).toBe(true);
  expect(readFileSync(home.services.paths.database).length).toBeGreaterThan(0);
});
