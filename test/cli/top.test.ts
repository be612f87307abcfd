import { describe, expect, test } from "vitest";
import { runTop } from "../../src/cli/commands/top.ts";
import type { TopOptions } from "../../src/cli/commands/top.ts";
import { renderTop } from "../../src/cli/render/top.ts";
import type { PeerView, TopView } from "../../src/cli/render/top.ts";
import type { Screen } from "../../src/cli/screen.ts";
import { crewRecording } from "./crew-objects.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish } from "./fakes.ts";
import type { FakeTerminal, Recording } from "./fakes.ts";

const head = "anna · lends 1.5/4 cpu, 512 MiB/8 GiB memory · 3 under way · 12:00:00 UTC";
const peers = [
  "PEER   STATUS   CPU        MEMORY         GPU        JOBS   RTT",
  "bob    Online   13% of 8   8 GiB/16 GiB   20% of 2   2      9.6 ms",
];

async function top(word: string | undefined, options: TopOptions, terminal = fakeTerminal()) {
  const code = await finish(
    terminal,
    runTop(fakeContext(terminal, fakeTransport(crewRecording)), word, options, async () => {
      throw new Error("no screen here");
    }),
  );
  return { code, out: terminal.stdout(), err: terminal.stderr() };
}

describe("top", () => {
  test("without a terminal prints once", async () => {
    const { out } = await top(undefined, {});
    expect(out.split("\n").slice(0, 6)).toEqual([head, "", ...peers, "", expect.stringMatching(/^JOB /u)]);
  });
  test("of peers, or of jobs, shows only these", async () => {
    expect((await top("peers", {})).out).toBe([head, "", ...peers, ""].join("\n"));
    expect((await top("jobs", {})).out).not.toContain("13% of 8");
  });
  test("--once prints once on a terminal, too", async () => {
    expect((await top("peers", { once: true }, fakeTerminal({ isTty: true, columns: 40 }))).out).toContain(
      "anna · lends",
    );
  });
  test("as JSON has figures as numbers", async () => {
    const view = JSON.parse((await top("peers", { output: "json" })).out) as TopView;
    expect(view).toMatchObject({ name: "anna", lent: { allocatable: { cpu: 4 } } });
    expect(view.peers[0]).toMatchObject({ name: "bobby", calledName: "bob", jobs: 2, path: { rttMs: 9.62 } });
    expect(view.jobs).toBeUndefined();
  });
  test("of something else is wrong usage", async () => {
    expect((await top("cats", {})).code).toBe(2);
  });
});

describe("a frame", () => {
  const peer = (name: string): PeerView => ({ name, phase: "Online" });
  const view = (count: number): TopView => ({
    time: "2026-11-23T12:00:00.000Z",
    name: "anna",
    lent: {},
    peers: Array.from({ length: count }, (_, index) => peer(`p${index}`)),
    jobs: [],
  });
  const lines = (count: number, rows: number): readonly string[] =>
    renderTop(view(count), { sections: ["peers", "jobs"], columns: 80, rows })
      .trimEnd()
      .split("\n");

  test("never has more lines than the terminal has rows", () => {
    for (let rows = 1; rows < 30; rows += 1) expect(lines(20, rows).length).toBeLessThanOrEqual(rows);
  });
  test("gives one table the rows the other does not need, and says how many are left out", () => {
    const shown = lines(20, 14);
    expect(shown).toHaveLength(14);
    expect(shown.slice(-3)).toEqual(["… 12 more", "", "no job under way"]);
  });
  test("that is large enough leaves nothing out", () => {
    expect(lines(5, 40).join("\n")).not.toContain("more");
  });
  test("says what is wrong just now, inert", () => {
    const text = renderTop(view(0), { sections: ["peers"], columns: 80, remark: "gone\u001B[2J" });
    expect(text.split("\n")[1]).toBe("gone");
  });
});

describe("the live view", () => {
  interface FakeScreen extends Screen {
    readonly frames: readonly string[];
    isClosed: boolean;
  }
  /** Each pause does the next step: time goes on, a key, a change of size. */
  function fakeScreen(steps: ((quit: AbortController) => void)[]): FakeScreen {
    const quit = new AbortController();
    const frames: string[] = [];
    return {
      columns: 80,
      rows: 24,
      quit: quit.signal,
      frames,
      isClosed: false,
      draw: async (text) => void frames.push(text),
      pause: async () => (steps.shift() ?? ((): void => quit.abort()))(quit),
      close() {
        this.isClosed = true;
      },
    };
  }
  async function live(recording: Recording, steps: (clock: { ms: number }) => ((quit: AbortController) => void)[]) {
    const clock = { ms: Date.parse("2026-11-23T12:00:00Z") };
    const plain = fakeTerminal({ isTty: true, columns: 80, env: { NO_COLOR: "1" } });
    const terminal: FakeTerminal = { ...plain, now: () => new Date(clock.ms) };
    const screen = fakeScreen(steps(clock));
    const transport = fakeTransport(recording);
    const code = await finish(
      terminal,
      runTop(fakeContext(terminal, transport), "peers", {}, async () => screen),
    );
    const asked = transport.sent.filter(({ path }) => path.endsWith("/peers")).length;
    return { code, screen, asked, err: terminal.stderr() };
  }

  test("draws anew every two seconds until somebody quits, and gives the terminal back", async () => {
    const { code, screen, asked } = await live(crewRecording, (clock) => [
      () => void (clock.ms += 2000),
      () => void (clock.ms += 2000),
    ]);
    expect([code, screen.frames.length, asked, screen.isClosed]).toEqual([0, 3, 3, true]);
    expect(screen.frames[2]).toContain("12:00:04 UTC");
  });
  test("draws a change of size without asking again", async () => {
    const { screen, asked } = await live(crewRecording, (clock) => [() => void (clock.ms += 100)]);
    expect([screen.frames.length, asked]).toEqual([2, 1]);
  });
  test("keeps the last figures while the daemon is away, and says so", async () => {
    let answers = 0;
    const recording: Recording = {
      ...crewRecording,
      "GET /homie/v1/status": () => {
        answers += 1;
        const details = { errorCode: "DaemonUnavailable" };
        return answers === 2
          ? { code: 503, json: { kind: "Status", message: "not ready", details } }
          : { json: { name: "anna" } };
      },
    };
    const { screen } = await live(recording, (clock) => [() => void (clock.ms += 2000), () => void (clock.ms += 2000)]);
    expect(screen.frames[1]).toContain("these are the last figures: not ready\n");
    expect(screen.frames[1]).toContain("bob    Online");
    expect(screen.frames[2]).not.toContain("last figures");
  });
  test("gives the terminal back before any other error is printed", async () => {
    let answers = 0;
    const recording: Recording = {
      ...crewRecording,
      "GET /homie/v1/status": () => {
        answers += 1;
        return answers === 1 ? { json: { name: "anna" } } : { code: 403, json: { kind: "Status", message: "no" } };
      },
    };
    const { code, screen, err } = await live(recording, (clock) => [() => void (clock.ms += 2000)]);
    expect([code, screen.isClosed]).toEqual([1, true]);
    expect(err).toContain("error: no");
  });
});
