import { describe, expect, test } from "vitest";
import { runAttach } from "../../src/cli/commands/attach.ts";
import { fakeContext, fakeTerminal, finish, watchLine } from "./fakes.ts";
import type { FakeTerminal, FakeTransport } from "./fakes.ts";
import { aJob, apiOf, finished, jobs, running } from "./run-support.ts";

describe("Ctrl-C while a job runs", () => {
  /** The log does not end before the job is cancelled. */
  const following = (
    terminal: FakeTerminal,
    press: (cancelled: () => boolean) => void,
  ): { readonly code: Promise<number>; readonly transport: FakeTransport } => {
    const isCancelled = (): boolean => transport.sent.some(({ path }) => path.endsWith("/cancel"));
    const transport: FakeTransport = apiOf([running], {
      [`GET ${jobs}`]: ({ path }) => {
        press(isCancelled);
        const ended = finished({ phase: "Cancelled", reason: "Cancelled" });
        if (path.includes("watch=true")) return { chunks: [] };
        return { json: { metadata: { resourceVersion: "5" }, items: [isCancelled() ? ended : running] } };
      },
      [`GET ${jobs}/train`]: { json: running },
    });
    const code = finish(terminal, runAttach(fakeContext(terminal, transport), "job/train"));
    return { code, transport };
  };

  test("says once how to come back; the second cancels and waits for the end", async () => {
    const terminal = fakeTerminal();
    let presses = 0;
    const { code, transport } = following(terminal, () => {
      presses += 1;
      if (presses === 2 || presses === 6) terminal.press();
    });
    expect(await code).toBe(130);
    expect(terminal.stderr()).toContain("press Ctrl-C again to cancel it; `homie attach job/train` comes back to it\n");
    expect(terminal.stderr()).toContain("job/train cancelled\n");
    expect(transport.sent.filter(({ path }) => path.endsWith("/cancel"))).toHaveLength(1);
    expect(terminal.interrupt.aborted).toBe(false);
  });

  test("the third leaves at once", async () => {
    const terminal = fakeTerminal();
    let presses = 0;
    const { code } = following(terminal, (isCancelled) => {
      presses += 1;
      if (presses === 2) terminal.press();
      if (presses === 3) {
        terminal.press();
        terminal.press();
      }
      expect(isCancelled()).toBe(presses > 3);
    });
    expect(await code).toBe(130);
    expect(terminal.stderr()).not.toContain("job/train cancelled");
  });

  test.each([
    ["y", true],
    ["n", false],
    [undefined, false],
  ])("on a terminal asks; the answer %j cancels: %j", async (answer, cancels) => {
    const asked: string[] = [];
    const terminal = fakeTerminal({
      isTty: true,
      env: { NO_COLOR: "1" },
      answer: async (question) => {
        asked.push(question);
        return answer;
      },
    });
    let presses = 0;
    const { code, transport } = following(terminal, () => {
      presses += 1;
      if (presses === 2) terminal.press();
    });
    expect([await code, asked.length]).toEqual([130, 1]);
    expect(asked[0]).toContain("homie attach job/train");
    expect(transport.sent.some(({ path }) => path.endsWith("/cancel"))).toBe(cancels);
    expect(terminal.stderr().includes("job/train cancelled")).toBe(cancels);
  });

  test("a second one answers the question", async () => {
    const terminal = fakeTerminal({
      isTty: true,
      answer: async (_question, signal) =>
        await new Promise((resolve) => {
          signal?.addEventListener("abort", () => resolve(undefined));
          terminal.press();
        }),
    });
    let presses = 0;
    const { code } = following(terminal, () => {
      presses += 1;
      if (presses === 2) terminal.press();
    });
    expect(await code).toBe(130);
    expect(terminal.stderr()).toContain("job/train cancelled");
  });

  test("a job that ends meanwhile takes the question away", async () => {
    const terminal = fakeTerminal({
      isTty: true,
      answer: async (_question, signal) =>
        await new Promise((resolve) => signal?.addEventListener("abort", () => resolve(undefined))),
    });
    const transport = apiOf([running], {
      [`GET ${jobs}/train`]: { json: running },
      [`GET ${jobs}`]: ({ path }) => {
        if (path.includes("watch=true")) terminal.press();
        return path.includes("watch=true")
          ? { chunks: [watchLine("MODIFIED", finished({ phase: "Succeeded", exitCode: 0 }))] }
          : { json: { metadata: { resourceVersion: "5" }, items: [running] } };
      },
    });
    expect(await finish(terminal, runAttach(fakeContext(terminal, transport), "train"))).toBe(0);
    expect(terminal.stderr()).toContain("job/train succeeded");
  });
});

describe("attach", () => {
  test("a job that is not there is an error", async () => {
    const terminal = fakeTerminal();
    expect(await finish(terminal, runAttach(fakeContext(terminal, apiOf([])), "job/train"))).toBe(1);
  });
  test("a job that waits without hope is waited for all the same", async () => {
    const terminal = fakeTerminal();
    const hopeless = aJob({ phase: "Pending", reason: "Unschedulable", message: "no peer" });
    const transport = apiOf([hopeless, finished({ phase: "Succeeded" })], {
      [`GET ${jobs}/train`]: { json: hopeless },
    });
    expect(await finish(terminal, runAttach(fakeContext(terminal, transport), "job/train"))).toBe(0);
    expect(transport.sent.some(({ path }) => path.endsWith("/cancel"))).toBe(false);
  });
});
