import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runHistory } from "../../src/cli/commands/history.ts";
import type { HistoryOptions } from "../../src/cli/commands/history.ts";
import { summarizeHistory } from "../../src/cli/render/history.ts";
import type { HistoryEntry } from "../../src/store/types.ts";
import { crewRecording } from "./crew-objects.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish } from "./fakes.ts";

const path = "/homie/v1/history";
const entry = (more: Partial<HistoryEntry>): HistoryEntry => ({
  job: "train",
  uid: "u1",
  attempt: 1,
  generation: 1,
  peer: "anna",
  role: "self",
  phase: "Succeeded",
  outputs: 0,
  ...more,
});
const entries = [
  entry({
    job: "eval",
    attempt: 2,
    peer: "bobby",
    role: "mooch",
    exitCode: 0,
    runtimeSeconds: 75.5,
    outputs: 3,
    startTime: "2026-11-23T11:50:00Z",
    endTime: "2026-11-23T11:55:00Z",
  }),
  entry({
    phase: "Failed",
    exitCode: 3,
    runtimeSeconds: 0.25,
    error: "exit code 3",
    startTime: "2026-11-23T10:00:00Z",
  }),
  entry({ attempt: 2, phase: "Failed", error: "no image \u001B[31mx" }),
];

async function history(options: HistoryOptions) {
  const terminal = fakeTerminal();
  const transport = fakeTransport({
    ...crewRecording,
    [`GET ${path}`]: { json: { items: entries } },
    [`DELETE ${path}`]: { json: { status: "Success" } },
  });
  const code = await finish(terminal, runHistory(fakeContext(terminal, transport), options));
  const sent = transport.sent.filter((one) => one.path.startsWith(path)).map((one) => `${one.method} ${one.path}`);
  return { code, out: terminal.stdout(), err: terminal.stderr(), sent };
}

describe("history", () => {
  test("has a line for each attempt; what is not known is a dash", async () => {
    expect((await history({})).out).toBe(
      [
        "JOB     ATTEMPT   PEER    ROLE    PHASE       EXIT   RAN    FILES   ENDED      WHY",
        "eval    2         bobby   mooch   Succeeded   0      75s    3       5m ago     -",
        "train   1         anna    self    Failed      3      0.3s   0       120m ago   exit code 3",
        "train   2         anna    self    Failed      -      -      0       -          no image x",
        "",
      ].join("\n"),
    );
  });
  test("as JSON is what the API answers, as items", async () => {
    expect(JSON.parse((await history({ output: "json" })).out)).toEqual({ items: entries });
  });
  test.each<[HistoryOptions, string]>([
    [{}, ""],
    [{ limit: "20", role: "plug" }, "role=plug&limit=20"],
    [{ failed: true }, "outcome=failed"],
    [{ success: true, peer: "bob" }, "outcome=succeeded&peer=bobby%2Cbob"],
    [{ peer: "gone" }, "peer=gone"],
    [{ since: "2d" }, "since=2026-11-21T12%3A00%3A00.000Z"],
    [{ since: "2026-11-23T12:00:00+01:00" }, "since=2026-11-23T11%3A00%3A00.000Z"],
    [{ since: "99999999d" }, "since=1970-01-01T00%3A00%3A00.000Z"],
  ])("%j is asked of the daemon", async (options, query) => {
    expect((await history(options)).sent).toEqual([`GET ${path}?${query}`]);
  });
  test.each<[HistoryOptions, string]>([
    [{ role: "boss" }, '--role cannot be "boss"'],
    [{ failed: true, success: true }, "no attempt has both failed and succeeded"],
    [{ limit: "-1" }, '--limit cannot be "-1"'],
    [{ since: "yesterday" }, '--since cannot be "yesterday"'],
    [{ since: "2026-02-31T12:00:00Z" }, "--since cannot be"],
    [{ since: "2026-11-23T12:00:00" }, "--since cannot be"],
    [{ clear: true, peer: "bob" }, "--clear forgets everything"],
    [{ output: "yaml" }, 'cannot print as "yaml"'],
  ])("%j is wrong usage", async (options, complaint) => {
    const { code, err, sent } = await history(options);
    expect(err).toContain(complaint);
    expect([code, sent]).toEqual([2, []]);
  });
  test("--clear forgets everything", async () => {
    const { out, sent } = await history({ clear: true });
    expect([out, sent]).toEqual(["history cleared\n", [`DELETE ${path}`]]);
  });
  test("--stats counts per peer and in all", async () => {
    expect((await history({ stats: true })).out).toBe(
      [
        "PEER    RUNS   SUCCEEDED   FAILED   SUCCESS   TOTAL   MEDIAN   FILES",
        "anna    2      0           2        0%        0.3s    0.3s     0",
        "bobby   1      1           0        100%      75s     75s      3",
        "(all)   3      1           2        33%       75s     37s      3",
        "",
      ].join("\n"),
    );
  });
});

describe("the summary of a history", () => {
  test("of nothing is zero, without a median or a share", () => {
    const all = { runs: 0, succeeded: 0, failed: 0, cancelled: 0, totalRuntimeSeconds: 0, files: 0 };
    expect(summarizeHistory([])).toEqual({ peers: [], all });
  });
  test("counts a cancelled attempt as neither success nor failure", () => {
    const { all } = summarizeHistory([entry({}), entry({ phase: "Cancelled" })]);
    expect(all).toMatchObject({ runs: 2, cancelled: 1, successPercent: 100 });
  });
  test("loses nothing between peers, and no median lies outside its runtimes", () => {
    const arbitrary = fc.record({
      peer: fc.constantFrom("anna", "bob", "__proto__"),
      phase: fc.constantFrom("Succeeded", "Failed", "Cancelled"),
      outputs: fc.nat(100),
      runtimeSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(arbitrary), (drafts) => {
        const { peers, all } = summarizeHistory(drafts.map(entry));
        expect(peers.reduce((sum, { runs }) => sum + runs, 0)).toBe(drafts.length);
        expect(all.succeeded + all.failed + all.cancelled).toBe(all.runs);
        const runtimes = drafts.map(({ runtimeSeconds }) => runtimeSeconds);
        const median = all.medianRuntimeSeconds ?? 0;
        expect(drafts.length === 0 || median <= Math.max(...runtimes) + 0.001).toBe(true);
        expect(drafts.length === 0 || median >= Math.min(...runtimes) - 0.001).toBe(true);
      }),
    );
  });
});
