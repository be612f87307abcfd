import { describe, expect, test } from "vitest";
import { runSnooze } from "../../src/cli/commands/snooze.ts";
import type { SnoozeOptions } from "../../src/cli/commands/snooze.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish } from "./fakes.ts";

const path = "/apis/homie.dev/v1/limits";
const limits = (spec: object): object => ({ kind: "Limits", metadata: { name: "default" }, spec });

async function snooze(duration: string | undefined, options: SnoozeOptions, existing?: object) {
  const terminal = fakeTerminal();
  const stored = (request: { readonly body?: string }): { json: unknown } => {
    const { spec } = JSON.parse(request.body ?? "{}") as { spec: Record<string, unknown> };
    return { json: limits(Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== null))) };
  };
  const transport = fakeTransport({
    ...(existing === undefined ? {} : { [`GET ${path}/default`]: { json: limits(existing) } }),
    [`POST ${path}`]: stored,
    [`PATCH ${path}/default`]: stored,
  });
  const code = await finish(terminal, runSnooze(fakeContext(terminal, transport), duration, options));
  const writes = transport.sent.filter(({ method }) => method !== "GET");
  return { code, out: terminal.stdout(), err: terminal.stderr(), writes };
}

describe("snooze", () => {
  test("for a while changes snoozedUntil and nothing else", async () => {
    const { out, writes } = await snooze("2h", {}, { cpu: 2 });
    expect(out).toBe("takes no new jobs until 2026-11-23T14:00:00Z (for 120m)\n");
    expect(writes).toMatchObject([{ method: "PATCH", body: '{"spec":{"snoozedUntil":"2026-11-23T14:00:00Z"}}' }]);
  });
  test("makes Limits where there are none", async () => {
    const { writes } = await snooze(undefined, { until: "2026-12-24T18:00:00+01:00" });
    expect(writes.map(({ method }) => method)).toEqual(["POST"]);
    expect(JSON.parse(writes[0]?.body ?? "")).toMatchObject({ spec: { snoozedUntil: "2026-12-24T18:00:00+01:00" } });
  });
  test("--off takes jobs again", async () => {
    const { out, writes } = await snooze(undefined, { off: true }, { snoozedUntil: "2026-12-24T18:00:00Z" });
    expect(out).toBe("not snoozing: this machine takes jobs\n");
    expect(writes.map(({ body }) => body)).toEqual(['{"spec":{"snoozedUntil":null}}']);
  });
  test.each([undefined, { cpu: 2 }])("--off with Limits of %j changes nothing", async (existing) => {
    expect(await snooze(undefined, { off: true }, existing)).toMatchObject({ code: 0, writes: [] });
  });
  test("alone says how it stands, and one that is over counts for nothing", async () => {
    const { out, writes } = await snooze(undefined, {}, { snoozedUntil: "2026-11-23T12:30:00Z" });
    expect([out, writes]).toEqual(["takes no new jobs until 2026-11-23T12:30:00Z (for 30m)\n", []]);
    const over = await snooze(undefined, { output: "json" }, { snoozedUntil: "2026-11-23T11:30:00Z" });
    expect(JSON.parse(over.out)).toEqual({ snoozedUntil: null });
  });
  test.each<[string | undefined, SnoozeOptions, string]>([
    ["soon", {}, 'cannot snooze for "soon"'],
    ["0", {}, "cannot snooze for"],
    ["999999d", {}, "cannot snooze for"],
    [undefined, { until: "tomorrow" }, '--until cannot be "tomorrow"'],
    [undefined, { until: "2026-11-23T12:00:00Z" }, "is over already"],
    ["2h", { off: true }, "three different wishes"],
  ])("%j %j is wrong usage", async (duration, options, complaint) => {
    const { code, err, writes } = await snooze(duration, options);
    expect(err).toContain(complaint);
    expect([code, writes]).toEqual([2, []]);
  });
});
