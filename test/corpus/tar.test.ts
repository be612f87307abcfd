import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { attemptPaths, homePaths, type HomePaths } from "../../src/adapters/home.ts";
import { createCollector } from "../../src/adapters/outputs/collector.ts";
import { createPublisher } from "../../src/adapters/outputs/publisher.ts";
import type { CollectOutcome, Runtime, TreeEntry } from "../../src/controllers/attempt/ports.ts";
import type { PublishOutcome } from "../../src/controllers/job/ports.ts";
import type { Attempt, AttemptSpec } from "../../src/resources/attempt.ts";
import { readTar } from "../../src/tar/read.ts";
import { sampleAttempt } from "../adapters/project/attempt-sample.ts";
import { treeRuntime } from "../adapters/outputs/tree-runtime.ts";
import { testLog } from "../store/store-fixture.ts";
import { aJob } from "../support/builders.ts";
import { archiveOf, inPieces, rawEntry, readAll } from "../tar/tar-samples.ts";
import { openCaseTimes } from "./support/case-times.ts";
import { expectSayable } from "./support/expect-sayable.ts";
import { body, file, type TarCase } from "./tar/case.ts";
import { tarCases } from "./tar/cases.ts";

const times = openCaseTimes("T");
afterAll(() => console.log(times.report()));

const limits = { maxTotalBytes: 64 * 1024 ** 2 } as const;
const signal = new AbortController().signal;

let root: string;
let paths: HomePaths;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-corpus-"));
  paths = homePaths(join(root, "home"));
  mkdirSync(attemptPaths(paths, sampleAttempt().spec.job.uid, 1).root, { recursive: true });
  writeFileSync(join(root, "witness"), "untouched");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The work directory of an ended attempt, as an engine sends it: an archive, read by the one reader. */
function archiveRuntime(archive: AsyncIterable<Uint8Array>): Runtime {
  return {
    ...treeRuntime([]),
    async *readWorkTree(): AsyncIterable<TreeEntry> {
      for await (const entry of readTar(archive, { ...limits, mode: "collect" })) {
        if (entry.kind === "directory" && entry.reason === undefined) continue;
        const facts = { path: entry.path, bytes: entry.bytes, executable: (entry.mode & 0o111) !== 0 };
        yield entry.reason === undefined ? { ...facts, body: entry.body } : { ...facts, skipped: entry.reason };
      }
    },
  };
}

const collector = (): ReturnType<typeof createCollector> => createCollector({ paths, log: testLog() });
const collect = (archive: Buffer): Promise<CollectOutcome> =>
  collector().collect(sampleAttempt(), archiveRuntime(inPieces(archive, 64 * 1024)), signal);

/** Everything below the temporary directory, so that whatever was written where it must not be is seen. */
function everything(): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}

const outputsBelow = (): string => attemptPaths(paths, sampleAttempt().spec.job.uid, 1).outputs.slice(root.length + 1);

describe("an archive with", () => {
  const rows = tarCases.map((each): [string, string, TarCase] => [each.id, each.title, each]);

  it.each(rows)("%s %s is judged as sources are", async (id, title, { archive, strict }) => {
    const bytes = archive();
    const outcome = await times.measure(`${id} ${title}`, () =>
      readAll(bytes, { ...limits, mode: "strict" }, 64 * 1024).then(
        () => "accepted",
        (error: unknown) => error,
      ),
    );
    if (strict === "accepted") return expect(outcome).toBe("accepted");
    expect(outcome).toMatchObject({ name: "HomieError", code: expect.stringMatching(/^(TarRejected|TooLarge)$/) });
    expect((outcome as Error).message).toMatch(strict);
    expectSayable((outcome as Error).message);
  });

  it.each(rows)(
    "%s %s is judged as outputs are, and nothing is written elsewhere",
    async (id, title, { archive, collected }) => {
      const bytes = archive();
      const outcome = await times.measure(`${id} ${title} collected`, () =>
        collect(bytes).catch((error: unknown) => error),
      );
      const written = everything().filter((path) => path !== "witness");
      expect(
        written.filter((path) => !path.startsWith(`${outputsBelow()}/`) && !path.startsWith(`${outputsBelow()}.part/`)),
      ).toEqual([]);
      expect(readFileSync(join(root, "witness"), "utf8")).toBe("untouched");
      if (collected instanceof RegExp) return expect(refusalIn(outcome)).toMatch(collected);
      const kept = (outcome as CollectOutcome).outputs.map(({ path }) => path).filter((path) => path !== "good");
      expect(kept).toEqual(collected);
      expect(written.toSorted()).toEqual(
        (outcome as CollectOutcome).outputs.map(({ path }) => join(outputsBelow(), path)).toSorted(),
      );
    },
  );
});

/** Lies end the collection with an error; a limit is the attempt's own outcome. */
function refusalIn(outcome: unknown): string {
  return outcome instanceof Error
    ? outcome.message
    : ((outcome as CollectOutcome).violation?.message ?? "kept all of it");
}

it("T-12 what is kept is 0644 or 0755 and belongs to who runs homie", async () => {
  await collect(
    archiveOf(
      rawEntry({ name: "tool", mode: "0006777\u0000", body: body("x") }),
      rawEntry({ name: "data", mode: "0006666\u0000", body: body("x") }),
    ),
  );
  const of = (name: string): ReturnType<typeof statSync> => statSync(join(root, outputsBelow(), name));
  expect([of("tool")?.mode, of("data")?.mode]).toEqual([0o100755, 0o100644]);
  expect(of("tool")?.uid).toBe(process.getuid?.());
});

describe("T-15 an archive that stops coming", () => {
  const whole = archiveOf(file("first", "1"), file("second", "2".repeat(100_000)));
  const half = whole.subarray(0, whole.length / 2);
  async function* broken(): AsyncIterable<Uint8Array> {
    yield half;
    throw new Error("connection reset");
  }
  async function* stalled(stop: AbortSignal): AsyncIterable<Uint8Array> {
    yield half;
    await new Promise((_resolve, reject) => stop.addEventListener("abort", () => reject(stop.reason as Error)));
  }

  it("is given up when its sender is gone, leaves no half file under a name, and is taken whole the next time", async () => {
    await expect(collector().collect(sampleAttempt(), archiveRuntime(broken()), signal)).rejects.toThrow(
      "connection reset",
    );
    expect(everything()).not.toContain(join(outputsBelow(), "second"));
    const outcome = await collect(whole);
    expect(outcome.outputs.map(({ path }) => path)).toEqual(["first", "second"]);
    expect(everything()).toEqual([join(outputsBelow(), "first"), join(outputsBelow(), "second"), "witness"]);
  });

  it("is given up when whoever waits for it gives up", async () => {
    const stop = new AbortController();
    const collecting = collector().collect(sampleAttempt(), archiveRuntime(stalled(stop.signal)), stop.signal);
    setImmediate(() => stop.abort(new Error("waited long enough")));
    await expect(collecting).rejects.toThrow("waited long enough");
    expect(everything()).not.toContain(join(outputsBelow(), "second"));
  });
});

/** Collects these files and publishes them to where the job wants them. */
async function bringHome(
  files: Readonly<Record<string, string>>,
  spec: Partial<AttemptSpec> = {},
): Promise<PublishOutcome> {
  const attempt = sampleAttempt(spec);
  const archive = archiveOf(...Object.entries(files).map(([name, text]) => file(name, text)));
  const { outputs } = await collector().collect(attempt, archiveRuntime(inPieces(archive, 4096)), signal);
  return publish({ ...attempt, status: { phase: "Finished", createdAt: "2026-01-01T00:00:00Z", outputs } });
}

const records = new Map<string, string>();
function publish(attempt: Attempt): Promise<PublishOutcome> {
  const published = {
    recordPublished: (path: string, sha256: string) => void records.set(path, sha256),
    publishedSha: (path: string) => records.get(path),
  };
  return createPublisher({ paths, published, log: testLog() }).publish(aJob({ name: "train" }), attempt, signal);
}

const rule = (to: string): AttemptSpec["outputs"][number] => ({
  paths: ["**"],
  exclude: [],
  required: false,
  when: "Always",
  to,
});

describe("T-14 a staged file whose hash is wrong", () => {
  it("is never published", async () => {
    const attempt = sampleAttempt();
    const { outputs } = await collect(archiveOf(file("model", "true")));
    writeFileSync(join(root, outputsBelow(), "model"), "fake");
    const done = { ...attempt, status: { phase: "Finished", createdAt: "2026-01-01T00:00:00Z", outputs } } as const;
    await expect(publish(done)).rejects.toMatchObject({ code: "OutputRejected" });
    expect(everything().filter((path) => path.includes("results") && path.endsWith("model"))).toEqual([]);
  });
});

describe("T-16 a result that wants the place of", () => {
  it.each([
    ["a file of the user", "project/train.py", "train.py"],
    ["the job's own YAML", "project/job.yaml", "job.yaml"],
    ["a hidden file", "project/.bashrc", ".bashrc"],
  ])("%s is kept among the results instead", async (_title, theirs, name) => {
    mkdirSync(dirname(join(root, theirs)), { recursive: true });
    writeFileSync(join(root, theirs), "mine");
    const outcome = await bringHome({ [name]: "theirs" }, { outputs: [rule(join(root, "project"))] });
    expect(readFileSync(join(root, theirs), "utf8")).toBe("mine");
    expect(outcome.diverted.map(({ path }) => path)).toEqual([name]);
    expect(readFileSync(join(paths.results, "train", name), "utf8")).toBe("theirs");
  });

  it.each(["homie.db", "config.yaml", "desired/evil.yaml"])(
    "homie's own %s is kept among the results instead",
    async (name) => {
      await bringHome({ [name]: "evil" }, { outputs: [rule(paths.root)] });
      expect(everything().filter((path) => path.startsWith("home/") && !/^home\/(results|runs)\//.test(path))).toEqual(
        [],
      );
      expect(readFileSync(join(paths.results, "train", name), "utf8")).toBe("evil");
    },
  );

  it("earlier results of another run moves them aside, whole", async () => {
    await bringHome({ model: "one" });
    await bringHome({ model: "two" }, { attempt: 2 });
    const models = everything().filter((path) => path.includes("results") && path.endsWith("/model"));
    expect(models.map((path) => readFileSync(join(root, path), "utf8")).toSorted()).toEqual(["one", "two"]);
  });
});

describe("T-17 a file that another program would run by itself", () => {
  it("lands inside the results only, and is not made executable", async () => {
    const names = [".git/hooks/post-checkout", ".bashrc", ".envrc"];
    await bringHome(Object.fromEntries(names.map((name) => [name, "evil"])), {
      outputs: [{ ...rule(""), to: undefined as never }].map(({ to: _to, ...rest }) => rest),
    });
    const found = everything().filter((path) => names.some((name) => path.endsWith(name)) && !path.includes("/runs/"));
    expect(found).toEqual(names.map((name) => join("home/results/train", name)).toSorted());
    for (const path of found) expect(statSync(join(root, path)).mode & 0o777).toBe(0o644);
  });
});
