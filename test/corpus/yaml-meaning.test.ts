import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { activeRules } from "../../src/adapters/outputs/match-rules.ts";
import { createDesiredReader } from "../../src/adapters/files/read-desired.ts";
import { createStatusMirror } from "../../src/adapters/files/status-mirror.ts";
import type { Job, JobStatus } from "../../src/resources/job.ts";
import { globProblem } from "../../src/resources/path-rules.ts";
import { stripStatus } from "../../src/resources/splice-status.ts";
import { validateManifest } from "../../src/resources/validate.ts";
import { jobText, openHome, type HomeFixture } from "../adapters/files/home-fixture.ts";
import { openCaseTimes } from "./support/case-times.ts";
import { skippingClock } from "./support/skipping-clock.ts";
import { soon } from "./support/soon.ts";
import { documentWith, shortTextFields } from "./support/text-fields.ts";

const times = openCaseTimes("Y meaning");
afterAll(() => console.log(times.report()));

/** Everything a person may do to a file that a program must not undo. */
const ownWords = `# what this is\n\napiVersion: homie.dev/v1   # trailing\nkind:   Job\n\nmetadata: { "name": x ,   labels: {team: 'vision'} }\nspec:\n    command: [ echo,  "hi \\u00e9" ]   # quoted\n    image: 'busybox'\n\n# before the status\n`;

interface MirroredHome extends AsyncDisposable {
  readonly home: HomeFixture;
  readonly job: () => Job | undefined;
  setStatus(status: JobStatus): void;
  /** Takes the directory as it is, as the loop of a daemon does. */
  read(): Promise<void>;
}

/** A home whose mirror waits for nothing, so that a thousand status writes are a matter of seconds. */
async function openMirroredHome(text: string): Promise<MirroredHome> {
  const home = openHome();
  home.put("x.yaml", text);
  const clock = skippingClock();
  const reader = createDesiredReader({
    root: home.paths.desired,
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
  });
  const trustOwnWrite = (path: string, stamp: string | undefined): void => reader.trust(path, stamp ?? "");
  const mirror = createStatusMirror({ store: home.store, clock, log: home.log, reader, trustOwnWrite });
  const job = (): Job | undefined => home.store.get<Job>({ kind: "Job", name: "x" });
  const read = async (): Promise<void> => {
    const { reading } = await reader.read();
    home.store.takeDesired(reading, clock.now());
    for (const _turn of mirror.takeReading(reading)) continue;
  };
  mirror.start();
  await read();
  return {
    home,
    job,
    read,
    setStatus: (status) => void home.store.putStatus(job()!, status),
    [Symbol.asyncDispose]: async () => {
      await mirror.stop();
      await home[Symbol.asyncDispose]();
    },
  };
}

describe("Y-20 a status block edited by hand", () => {
  it.each<readonly [string, string]>([
    ["with a lie", "status:\n  phase: Succeeded # I wish\n  exitCode: 0\n"],
    ["with nonsense", "status: [1, {a: b}, no, 012]\n"],
    ["with nothing", "status:\n"],
    ["on one line", "status: {phase: Running}\n"],
  ])("%s is overwritten; spec and comments are kept and no generation is counted", async (_title, edited) => {
    await using mirrored = await openMirroredHome(ownWords);
    const { home, job, setStatus, read } = mirrored;
    setStatus({ phase: "Running", attempt: 1 });
    await soon(() => home.text("x.yaml").includes("phase: Running"), "the status is mirrored");
    const path = home.put("x.yaml", ownWords + edited);
    await read();
    await soon(() => home.text("x.yaml").includes("attempt: 1"), "the true status is back");
    expect(stripStatus(readFileSync(path, "utf8"))).toBe(ownWords);
    expect(job()).toMatchObject({
      metadata: { generation: 1 },
      spec: { image: "busybox" },
      status: { phase: "Running" },
    });
  });
});

describe("Y-21 a thousand status writes", () => {
  it("change no byte outside the status block", async () => {
    const after = `\n---\n# another document\n${jobText("y")}`;
    await using mirrored = await openMirroredHome(ownWords + after);
    const { home, setStatus } = mirrored;
    for (let attempt = 1; attempt <= 1000; attempt += 1) {
      const phase = attempt % 2 === 0 ? "Running" : "Pending";
      setStatus({ phase, attempt, message: `step ${attempt}: "quoted" # not a comment\nsecond line` });
      await soon(() => home.text("x.yaml").includes(`attempt: ${attempt}\n`), `status ${attempt} is mirrored`);
    }
    expect(stripStatus(home.text("x.yaml"))).toBe(ownWords + after);
    expect(home.store.list("Job").map(({ metadata }) => metadata.generation)).toEqual([1, 1]);
  }, 60_000);

  it("never write over a save that came in between", async () => {
    await using mirrored = await openMirroredHome(ownWords);
    const { home, job, setStatus, read } = mirrored;
    for (let save = 1; save <= 50; save += 1) {
      const text = ownWords.replace("'busybox'", `'busybox:${save}'`);
      setStatus({ phase: "Running", attempt: save });
      home.put("x.yaml", text);
      setStatus({ phase: "Pending", attempt: save });
      await read();
      expect(job()?.spec.image).toBe(`busybox:${save}`);
      await soon(() => home.text("x.yaml").includes(`attempt: ${save}\n`), `status ${save} follows`);
      expect(stripStatus(home.text("x.yaml"))).toBe(text);
    }
  });
});

/** Texts that make a pattern with two ways to match try them all. */
const hostile = [
  `${"a".repeat(50_000)}!`,
  "-".repeat(50_000),
  `${"a.".repeat(25_000)}\n`,
  `${"a/".repeat(25_000)}\0`,
  "1.".repeat(25_000),
  "\0".repeat(50_000),
];

describe("Y-24 50,000 hostile characters", () => {
  const fields = shortTextFields();
  const rows = fields.map(([kind, at]) => [`${kind} ${at.join(".")}`, kind, at] as const);

  it("are tried in more than 40 fields", () => {
    expect(fields.length).toBeGreaterThan(40);
  });

  it.each(rows)("in %s are refused at once", async (title, kind, at) => {
    for (const text of hostile) {
      const document = documentWith(kind, at, text);
      const issues = await times.measure(`Y-24 ${title}`, () => validateManifest(document), 10);
      expect(issues.length).toBeGreaterThan(0);
    }
  });

  it.each(["labels", "annotations"])("as a key of %s are refused at once", async (field) => {
    for (const text of hostile) {
      const document = documentWith("Job", ["metadata", field, text], "v");
      const issues = await times.measure(`Y-24 key of ${field}`, () => validateManifest(document), 10);
      expect(issues.length).toBeGreaterThan(0);
    }
  });
});

describe("Y-27 the worst globs a Job may give", () => {
  const names = [
    "a".repeat(250),
    `${"a/".repeat(31)}c`,
    `${`${"a".repeat(200)}/`.repeat(5)}c`,
    "ab".repeat(125),
    "é".repeat(120),
  ];
  it.each([
    `${"*a".repeat(15)}b`,
    `${"a*".repeat(15)}b`,
    "**/**/**/**/b",
    "**a**a**a**a*b",
    `${"?".repeat(15)}*b`,
    `${"{a,aa,aaa}".repeat(15)}b`,
    "**/*a*a*/**/*a*a*/**/*a*/b",
    `${"[a-z]".repeat(7)}*${"[a-z]".repeat(7)}b`,
  ])("%s are done with the worst names in no time", async (glob) => {
    expect(globProblem(glob)).toBeUndefined();
    const [rule] = activeRules([{ paths: [glob], exclude: [glob], required: false, when: "Always" }], true);
    for (const name of names) await times.measure(`Y-27 ${glob}`, () => rule?.matches(name));
  });
});
