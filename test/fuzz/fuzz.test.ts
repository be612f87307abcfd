import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { inputOf, tryInput } from "./fuzz-run.ts";
import { must, mutants, type FuzzTarget } from "./target.ts";
import { openTargets } from "./targets.ts";

const targets = await openTargets();
const seed = 20_261_123;

describe.each(targets)("the fuzz target $name", (target) => {
  test("holds for its first inputs, some of which get through", async () => {
    const outcomes = [];
    for (let index = 0; index < 60 * Math.ceil(target.share / 10); index += 1)
      outcomes.push(await tryInput(target, seed, index));
    expect(outcomes.filter((outcome) => typeof outcome !== "string")).toEqual([]);
    expect(new Set(outcomes)).toEqual(new Set(["accepted", "refused"]));
  });

  test("makes the same input from the same seed and number, and another from others", async () => {
    const inputs = (from: readonly FuzzTarget[], first: number): string[] =>
      Array.from({ length: 20 }, (_, index) =>
        from
          .filter(({ name }) => name === target.name)
          .map((each) => Buffer.from(inputOf(each, first, index)).toString("hex")),
      ).flat();
    expect(inputs(await openTargets(), seed)).toEqual(inputs(targets, seed));
    expect(inputs(targets, seed + 1)).not.toEqual(inputs(targets, seed));
  });
});

describe("what breaks is found", () => {
  const target = (check: FuzzTarget["check"], more: Partial<FuzzTarget> = {}): FuzzTarget => ({
    ...{ name: "planted", share: 1, sources: [mutants([Buffer.from("sound")])], check },
    ...more,
  });

  test.each([
    [
      "a throw",
      target(() => {
        throw new RangeError("planted");
      }),
      /^RangeError: planted\n +at /,
    ],
    ["a rejection", target(() => Promise.reject(new Error("planted"))), /^Error: planted/],
    [
      "a broken invariant",
      target(() => {
        must(false, "it leaves its root");
      }),
      /^Broken: it leaves its root/,
    ],
    [
      "something thrown that is no error",
      target(() => {
        throw "planted";
      }),
      /threw planted/,
    ],
    ["work without end", target(() => burn(3), { maxCpuMs: 1 }), /took \d+ ms of the processor/],
  ])("%s", async (_title, planted, message) => {
    const find = await tryInput(planted, 7, 3);
    expect(find).toMatchObject({ target: "planted", seed: 7, index: 3, message: expect.stringMatching(message) });
    expect(find).toHaveProperty("input", inputOf(planted, 7, 3));
  });
});

describe("npm run fuzz", () => {
  const run = (...args: readonly string[]): { status: number | null; output: string } => {
    const { HOMIE_TEST_TALLY: _ofThisRun, ...env } = process.env;
    const argv = ["scripts/fuzz.ts", ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", env });
    return { status, output: stdout + stderr };
  };

  test("says seed, targets and counts", () => {
    const { status, output } = run("--inputs", "50", "--seed", "9", "--target", "beacon", "--target", "offer");
    expect(output).toMatch(/^fuzz: seed 9\nok {3}beacon +\d+ inputs, \d+ accepted\nok {3}offer +\d+ inputs/);
    expect(output).toMatch(/fuzz: 50 inputs in [\d.]+ s, 0 of 2 targets broken\n$/);
    expect(status).toBe(0);
  });

  test.each([
    [["--target", "nothing"], /no target nothing; there are tar, yaml/],
    [["--inputs", "many"], /"many" is no whole number/],
    [["--nonsense"], /nonsense/],
  ])("refuses %j with its usage", (args, message) => {
    const { status, output } = run(...args);
    expect(output).toMatch(message);
    expect(output).toContain("usage: npm run fuzz");
    expect(status).toBe(2);
  });
});

function burn(ms: number): "accepted" {
  const before = process.threadCpuUsage().user;
  while (process.threadCpuUsage().user - before < ms * 1_000);
  return "accepted";
}
