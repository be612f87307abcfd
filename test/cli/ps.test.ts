import { describe, expect, test } from "vitest";
import { runPs } from "../../src/cli/commands/ps.ts";
import type { PsOptions } from "../../src/cli/commands/ps.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish, watchLine } from "./fakes.ts";
import type { Recording } from "./fakes.ts";
import { crewRecording, hosted, mooched, own } from "./crew-objects.ts";

const attempts = "/apis/homie.dev/v1/attempts";

async function ps(options: PsOptions, recording: Recording = crewRecording, terminal = fakeTerminal()) {
  const transport = fakeTransport(recording);
  const code = await finish(terminal, runPs(fakeContext(terminal, transport), options));
  return { code, out: terminal.stdout(), err: terminal.stderr(), sent: transport.sent };
}

describe("ps", () => {
  test("tells whose attempt runs where", async () => {
    const { out, code } = await ps({});
    expect(out).toBe(
      [
        "JOB    ATTEMPT   PEER    ROLE    PHASE     AGE   CPU   MEMORY    IMAGE",
        "eval   1         bobby   mooch   Running   5m    2     4 GiB     python",
        "hers   3         carol   plug    Staging   60s   0.5   512 MiB   busybox",
        "long   1         anna    self    Created   1s    1     2 GiB     -",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
  });
  test("asks the API for what is not over", async () => {
    const { sent } = await ps({});
    expect(sent.map(({ path }) => path)).toContain(`${attempts}?fieldSelector=status.phase%21%3DFinished`);
  });
  test.each(["bob", "bobby"])("--peer %s finds the peer by what it calls itself and by its object", async (peer) => {
    const { out } = await ps({ peer, output: "json" });
    expect((JSON.parse(out) as { items: { job: string }[] }).items.map(({ job }) => job)).toEqual(["eval"]);
  });
  test("as JSON is items with numbers", async () => {
    const { items } = JSON.parse((await ps({ output: "json" })).out) as { items: object[] };
    expect(items[1]).toEqual({
      name: "u2-3",
      job: "hers",
      uid: "u2",
      attempt: 3,
      peer: "carol",
      role: "plug",
      phase: "Staging",
      createdAt: "2026-11-23T11:59:00.000Z",
      cpu: 0.5,
      memoryBytes: 536_870_912,
      image: "busybox",
    });
  });
  test("an attempt whose executor is silent is Unknown", async () => {
    const silent = { ...mooched, status: { ...mooched.status, silentSince: "2026-11-23T11:59:50Z" } };
    const { out } = await ps({}, { ...crewRecording, [`GET ${attempts}`]: listOf([silent]) });
    expect(out).toContain("mooch   Unknown   5m");
  });
  test("where nothing runs says so on stderr", async () => {
    const { out, err, code } = await ps({}, { ...crewRecording, [`GET ${attempts}`]: listOf([]) });
    expect([out, err, code]).toEqual(["", "nothing runs\n", 0]);
  });
  test("names and images of others cannot reach the terminal", async () => {
    const spec = { ...hosted.spec, image: "a\u001B]0;owned\u0007b\u202Ec" };
    const { out } = await ps({}, { ...crewRecording, [`GET ${attempts}`]: listOf([{ ...hosted, spec }]) });
    expect(out).toContain("512 MiB   abc\n");
  });
  test("-w prints a row for each change, the last one saying Finished", async () => {
    const terminal = fakeTerminal();
    const at = (phase: string): object => ({ ...own, status: { phase, createdAt: "2026-11-23T11:59:59Z" } });
    const lines = [
      watchLine("MODIFIED", at("Running")),
      watchLine("MODIFIED", at("Running")),
      watchLine("BOOKMARK", { metadata: { resourceVersion: "9" } }),
      watchLine("MODIFIED", at("Finished")),
      watchLine("MODIFIED", at("Finished")),
      watchLine("DELETED", at("Finished")),
    ];
    let lists = 0;
    const recording: Recording = {
      ...crewRecording,
      [`GET ${attempts}`]: ({ path }) => {
        if (path.includes("watch=true")) return { chunks: lines };
        lists += 1;
        if (lists > 1) terminal.press();
        return listOf([own]);
      },
    };
    const { out } = await ps({ watch: true }, recording, terminal);
    expect(out.split("\n").map((line) => line.split(/ +/u)[4])).toEqual([
      "PHASE",
      "Created",
      "Running",
      "Finished",
      undefined,
    ]);
  });
});

function listOf(items: readonly object[]): { readonly json: object } {
  return { json: { metadata: { resourceVersion: "7" }, items } };
}
