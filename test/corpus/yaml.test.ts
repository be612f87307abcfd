import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderProblem } from "../../src/store/desired-report.ts";
import type { Problem } from "../../src/resources/documents.ts";
import { said } from "../resources/samples.ts";
import { openCaseTimes } from "./support/case-times.ts";
import { expectSayable } from "./support/expect-sayable.ts";
import { openLivingHome, type LivingHome } from "./support/living-home.ts";
import { withLines, type YamlCase } from "./yaml/case.ts";
import { fieldCases } from "./yaml/field-cases.ts";
import { textCases } from "./yaml/text-cases.ts";

const file = "x.yaml";
const goodText = withLines("args: [good]");
const goodSpec = { script: "a.py", args: ["good"] };
const cases = [...textCases, ...fieldCases];
const rows = cases.map((each): [string, string, YamlCase] => [each.id, each.title, each]);

/** What every problem owes its reader, wherever it comes from. */
function expectPlaced(problems: readonly Problem[], path: string): void {
  expect(problems.length).toBeGreaterThan(0);
  for (const problem of problems) {
    expect(problem).toMatchObject({ file: path, line: expect.any(Number), column: expect.any(Number) });
    expectSayable(renderProblem(problem));
  }
}

describe("a file in desired/ that was good and now holds", () => {
  const times = openCaseTimes("Y");
  let home: LivingHome;
  let uid: string | undefined;

  beforeAll(async () => {
    home = openLivingHome();
    home.put(file, goodText);
    await home.readLater();
    uid = home.job("x")?.metadata.uid;
    expect(uid).toBeTypeOf("string");
  });
  afterAll(async () => {
    await home[Symbol.asyncDispose]();
    console.log(times.report());
  });

  it.each(rows)("%s %s", async (id, title, { content, outcome }) => {
    home.put(file, typeof content === "function" ? content() : content);
    await times.measure(`${id} ${title}`, () => home.services.loop.rescan());
    await home.readLater();
    const job = home.job("x");
    expect([job?.metadata.uid, job?.metadata.deletionTimestamp]).toEqual([uid, undefined]);
    if ("taken" in outcome) {
      expect(home.problems(file)).toEqual([]);
      expect(job?.spec).toEqual(outcome.taken);
    } else {
      expect(said(home.problems(file)[0])).toMatch(outcome.refused);
      expectPlaced(home.problems(file), home.path(file));
      expect(job?.spec).toEqual(goodSpec);
    }
    expect(home.services.store.list("Job").map(({ metadata }) => metadata.name)).toSatisfy(onlyOurs);
    expect(await home.witnessFollows()).toBe(true);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    home.put(file, goodText);
    await home.services.loop.rescan();
    expect(home.job("x")?.spec).toEqual(goodSpec);
  });
});

function onlyOurs(names: readonly string[]): boolean {
  return names.every((name) => name === "x" || name === "witness");
}
