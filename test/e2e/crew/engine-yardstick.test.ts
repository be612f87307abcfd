import { cpSync, existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineCrew, leftAt, sha256Of } from "./engine-crew.ts";
import { type EngineHouse, whyNoEngineHouse } from "./engine-house.ts";
import { buildTrainingImage, example, results, whyNoTrainingImage } from "./training.ts";

const refusal = (await whyNoEngineHouse()) ?? (await whyNoTrainingImage());
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: examples/ml-training on a peer: ${refusal}\n`);

const wait = { timeout: 30_000, interval: 200 };
const slow = 600_000;
const budget = 64 * 1024;

describe.skipIf(refusal !== undefined)("examples/ml-training on a peer", () => {
  const crew = new EngineCrew("yardstick");

  beforeAll(async () => {
    await crew.open();
    await buildTrainingImage(crew.alice);
  }, slow);
  afterAll(() => crew.close());

  /** A copy of the example, as it is before anybody has run it. */
  function copy(name: string): string {
    const directory = crew.project(name);
    rmSync(directory, { recursive: true });
    cpSync(example, directory, { recursive: true });
    for (const path of results) expect(existsSync(join(directory, path))).toBe(false);
    return directory;
  }
  const train = (directory: string, peer: string): Promise<string> =>
    crew.alice.ok(["run", "train.py", "--env", "ml-demo", "--peer", peer], { cwd: directory });
  const hashes = (directory: string): readonly string[] => results.map((path) => sha256Of(join(directory, path)));
  const accuracyIn = (directory: string): number =>
    (JSON.parse(readFileSync(join(directory, "results.json"), "utf8")) as { accuracy: { test: number } }).accuracy.test;
  const linesOf = (directory: string, peer: string): readonly string[] =>
    readFileSync(join(directory, "training.log"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => `[${peer}] ${line}`);
  const linesIn = (said: string): readonly string[] => said.split("\n").filter((line) => line.startsWith("["));
  const imagesOf = async ({ engine }: EngineHouse): Promise<readonly string[]> =>
    (await engine.docker.listImages()).map(({ Id }) => Id);

  test(
    "what it learns there is, byte by byte, what it learns here; the next run sends next to nothing",
    async () => {
      const [here, there] = [copy("here"), copy("there")];
      const before = readdirSync(there).length;
      await train(here, "alice");
      const said = await train(there, "bob");
      expect(readdirSync(there)).toHaveLength(before + results.length);
      expect(hashes(there)).toEqual(hashes(here));
      expect(accuracyIn(there)).toBe(accuracyIn(here));
      expect(accuracyIn(there)).toBeGreaterThan(0.95);
      expect(linesIn(said)).toEqual(linesOf(there, "bob"));
      expect(await imagesOf(crew.bob)).toEqual(await imagesOf(crew.alice));

      const sent = await crew.sentToBob(async () => {
        expect(linesIn(await train(there, "bob"))).toEqual(linesOf(there, "bob"));
      });
      expect(sent).toBeLessThanOrEqual(budget);
      expect(hashes(there)).toEqual(hashes(here));
      await expect.poll(() => leftAt(crew.bob), wait).toEqual([]);
      await expect.poll(() => leftAt(crew.alice), wait).toEqual([]);
    },
    slow,
  );
});
