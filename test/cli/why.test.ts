import { describe, expect, test } from "vitest";
import { runDescribe } from "../../src/cli/commands/describe.ts";
import { runWhy } from "../../src/cli/commands/why.ts";
import { crewRecording } from "./crew-objects.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish } from "./fakes.ts";
import type { Recording } from "./fakes.ts";

const terms = { fit: 24.25, idle: 20, start: 25, speed: 5, reliability: 9, affinity: 0, failedBefore: 0, battery: 0 };
const placement = {
  decidedAt: "2026-11-23T11:55:00Z",
  chosen: { peer: "bobby", score: 83.25, terms, because: "highest score" },
  others: [
    {
      peer: "carol",
      score: 61,
      terms: { ...terms, start: 10, battery: -10 },
      because: "on battery (battery: 10.0 points behind)",
    },
  ],
  rejected: [
    {
      peer: "dave",
      reason: "InsufficientMemory",
      need: "8 GiB",
      free: "2 GiB",
      hint: "lower spec.resources.memory, or wait",
      also: [{ reason: "NotOnline", need: "online", free: "silent for 40 s", hint: "wait until it is back" }],
    },
    { peer: "erin", reason: "NotOnline", need: "online", free: "Offline", hint: "wait until it is back" },
  ],
};
const waiting = { ...placement, chosen: undefined, others: [] };
const table = [
  "PEER    SCORE   FIT    IDLE   START   SPEED   RELIABILITY   AFFINITY   BATTERY",
  "bobby   83.3    24.3   20     25      5       9             0          0",
  "carol   61      24.3   20     10      5       9             0          -10",
  "",
  "  * bobby is chosen: highest score",
  "    carol: on battery (battery: 10.0 points behind)",
  "",
  "Cannot take it:",
  "  PEER   REASON               NEEDS    HAS",
  "  dave   InsufficientMemory   8 GiB    2 GiB",
  "  dave   NotOnline            online   silent for 40 s",
  "  erin   NotOnline            online   Offline",
  "",
  "What would help:",
  "  dave: lower spec.resources.memory, or wait",
  "  erin: wait until it is back",
  "",
].join("\n");

const jobs = "/apis/homie.dev/v1/jobs";
const job = (status: object): object => ({
  apiVersion: "homie.dev/v1",
  kind: "Job",
  metadata: { name: "train", uid: "u1" },
  spec: { image: "python" },
  status,
});
const recording = (status: object, more: Recording = {}): Recording => ({
  ...crewRecording,
  [`GET ${jobs}/train`]: { json: job(status) },
  ...more,
});

async function why(word: string, replies: Recording, output?: string) {
  const terminal = fakeTerminal();
  const transport = fakeTransport(replies);
  const options = output === undefined ? {} : { output };
  const code = await finish(terminal, runWhy(fakeContext(terminal, transport), word, options));
  return { code, out: terminal.stdout(), err: terminal.stderr(), sent: transport.sent };
}

describe("why a job", () => {
  test("runs where it runs: the stored decision, term by term", async () => {
    const { out, sent } = await why("train", recording({ phase: "Running", peer: "bobby", attempt: 2, placement }));
    expect(out).toBe(`job/train is Running on bobby, attempt 2, decided 5m ago\n\n${table}`);
    expect(sent.some(({ method }) => method === "POST")).toBe(false);
  });
  test("-o json prints the placement", async () => {
    const { out } = await why("job/train", recording({ phase: "Running", placement }), "json");
    expect(JSON.parse(out)).toEqual(placement);
  });
  test("waits: the daemon is asked how it would decide now", async () => {
    const status = { phase: "Pending", reason: "Queued", message: "no peer can take it: ...", placement };
    const { out, sent } = await why(
      "job/train",
      recording(status, { "POST /homie/v1/placements": { json: { ...waiting, decidedAt: "2026-11-23T12:00:00Z" } } }),
    );
    expect(out).toContain("job/train waits, decided 0s ago (Queued)\n\nCannot take it:\n");
    expect(JSON.parse(sent.find(({ method }) => method === "POST")?.body ?? "")).toEqual(job(status));
  });
  test.each([404, 503])("is told from what is stored where the daemon answers %i", async (code) => {
    const { out } = await why(
      "job/train",
      recording({ placement: waiting }, { "POST /homie/v1/placements": { code, json: { kind: "Status" } } }),
    );
    expect(out).toContain("job/train waits, decided 5m ago\n\nCannot take it:\n");
  });
  test("is told in words where nothing was decided", async () => {
    const { out } = await why("job/train", recording({ phase: "Succeeded", peer: "anna", attempt: 1 }));
    expect(out).toBe("job/train is Succeeded on anna, attempt 1; no choice between machines was kept\n");
  });
  test("what peers say of themselves is inert", async () => {
    const rejected = [{ peer: "x\u001B[2J", reason: "R", free: "\u202Eevil", hint: "do\u0007 this" }];
    const { out } = await why("job/train", recording({ phase: "Running", placement: { rejected } }));
    expect(out).toContain("  x      R        -       evil\n");
    expect(out).toContain("  x: do this\n");
  });
  test("is part of its description", async () => {
    const terminal = fakeTerminal();
    const replies = recording({ phase: "Running", placement }, { "GET /api/v1/events": { json: { items: [] } } });
    await runDescribe(fakeContext(terminal, fakeTransport(replies)), ["job/train"], {});
    const indented = table.replace(/^(?=.)/gmu, "  ");
    expect(terminal.stdout()).toContain(`Placement:\n  decided 5m ago\n${indented}`);
  });
});

describe("why a peer", () => {
  const words = [
    "peer/bobby, which calls itself bob is Online: it answers and takes part",
    "  it is reached at its own address (10.0.0.2:5556), 9.6 ms there and back",
    "  it is trusted (SecretProved, it knows the group secret)",
    "  it is silent (Silent, for 30s)",
    "  Later is Unknown (New)",
    "",
  ].join("\n");
  test.each(["peer/bobby", "peer/bob"])("%s: phase, path and conditions in words", async (word) => {
    expect((await why(word, crewRecording)).out).toBe(words);
  });
  test("that nobody knows is an error", async () => {
    expect(await why("peer/zed", crewRecording)).toMatchObject({ code: 1, out: "" });
  });
});

test("there is no why of other kinds", async () => {
  expect(await why("limits/default", crewRecording)).toMatchObject({ code: 2, out: "" });
});
