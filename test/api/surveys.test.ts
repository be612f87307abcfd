import { describe, expect, test } from "vitest";
import type { Job } from "../../src/resources/job.ts";
import { HomieError } from "../../src/resources/errors.ts";
import { jobManifest, openTestHome } from "./support.ts";

const surveys = "/homie/v1/surveys";
const placements = "/homie/v1/placements";

describe("asking what would travel", () => {
  test("hands the sources over and answers the figures", async () => {
    const asked: unknown[] = [];
    const home = openTestHome({}, undefined, {
      survey: async (sources) => {
        asked.push(sources);
        return { files: 2, bytes: 3, largest: [{ path: "a", bytes: 2 }], skipped: [], skippedCount: 0 };
      },
    });
    const sources = { projectPath: "/p", exclude: ["*.tmp"], files: [{ from: "/p/x", to: "x" }] };
    expect(await home.send("POST", surveys, { sources })).toMatchObject({ code: 200, body: { files: 2, bytes: 3 } });
    expect((await home.send("POST", surveys, { sources: {} })).code).toBe(200);
    expect(asked).toEqual([sources, { exclude: [], files: [] }]);
  });

  test.each([
    {},
    { sources: "x" },
    { sources: { projectPath: "p" } },
    { sources: { projectPath: "/p\0" } },
    { sources: { files: [{ from: "/a" }] } },
    { sources: { files: [{ from: "a", to: "a" }] } },
    { sources: { files: ["/a"] } },
    { sources: { files: Array.from({ length: 258 }, () => ({ from: "/a", to: "a" })) } },
    { sources: { exclude: [3] } },
    { sources: { exclude: ["x".repeat(5000)] } },
  ])("%j is refused", async (body) => {
    expect((await openTestHome().send("POST", surveys, body)).code).toBe(400);
  });

  test("says what cannot be read", async () => {
    const survey = async (): Promise<never> => {
      throw new HomieError("SourceUnreadable", "cannot read /p: it does not exist");
    };
    const { code, body } = await openTestHome({}, undefined, { survey }).send("POST", surveys, { sources: {} });
    expect([code >= 400 && code < 500, body.details.errorCode]).toEqual([true, "SourceUnreadable"]);
  });
});

describe("asking where a Job would go", () => {
  test("answers the placement of a Job that was never declared", async () => {
    const previewed: Job[] = [];
    const home = openTestHome({}, undefined, {
      placements: {
        preview: async (job) => {
          previewed.push(job);
          return { chosen: { peer: "bob", score: 80 }, others: [], rejected: [] };
        },
      },
    });
    const { code, body } = await home.send("POST", placements, jobManifest("train"));
    expect([code, body]).toEqual([200, { chosen: { peer: "bob", score: 80 }, others: [], rejected: [] }]);
    expect(previewed[0]).toMatchObject({ kind: "Job", metadata: { name: "train", generation: 1 } });
    expect(home.store.get({ kind: "Job", name: "train" })).toBeUndefined();
  });

  test.each([
    [{ ...jobManifest("train"), kind: "Limits" }, 400],
    [jobManifest("train", { imgae: "x" }), 400],
    [jobManifest("train", { timeoutSeconds: 0 }), 422],
  ])("%j is refused", async (manifest, code) => {
    const preview = async (): Promise<Record<string, never>> => ({});
    const home = openTestHome({}, undefined, { placements: { preview } });
    expect((await home.send("POST", placements, manifest)).code).toBe(code);
  });

  test("without a daemon nobody knows", async () => {
    const { code, body } = await openTestHome().send("POST", placements, jobManifest("train"));
    expect([code, body.details.errorCode]).toEqual([503, "DaemonUnavailable"]);
  });
});
