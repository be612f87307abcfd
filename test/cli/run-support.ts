import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { encodeFrame } from "../../src/logs/frames.ts";
import { fakeTransport, watchLine } from "./fakes.ts";
import type { FakeTransport, Recording } from "./fakes.ts";

/** A job called "train", as the API answers it, and the API around it. */
export const jobs: string = "/apis/homie.dev/v1/jobs";
export const aJob = (status: object = {}): object => ({
  kind: "Job",
  metadata: { name: "train", uid: "u1", generation: 1, resourceVersion: "5" },
  spec: { script: "train.py" },
  status: { observedGeneration: 1, ...status },
});
export const running: object = aJob({ phase: "Running", peer: "bob\u001B[31m", attempt: 1 });
export const finished = (status: object): object =>
  aJob({ peer: "bob", attempt: 1, ...status, conditions: [{ type: "Finished", status: "True" }] });
const frames = [
  encodeFrame("stdout", 1n, Buffer.from("epoch 1\n")),
  encodeFrame("stderr", 2n, Buffer.from("slow\n")),
  encodeFrame("eof", 3n, Buffer.from("{}")),
];

export function makeDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "homie-run-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, "train.py"), "print(1)\n");
  return directory;
}

/** An API with one job that goes through these states; the first is there as soon as the job is declared. */
export function apiOf(states: readonly object[], more: Recording = {}): FakeTransport {
  const [first, ...later] = states;
  const transport: FakeTransport = fakeTransport({
    [`GET ${jobs}/train`]: () =>
      transport.sent.some(({ path }) => path === "/homie/v1/apply") && first !== undefined
        ? { json: first }
        : { code: 404, json: { kind: "Status", reason: "NotFound", message: "jobs train not found", code: 404 } },
    "POST /homie/v1/surveys": {
      json: { files: 2, bytes: 10, largest: [{ path: "a", bytes: 6 }], skipped: [], skippedCount: 0 },
    },
    "POST /homie/v1/apply": { json: { results: [{ kind: "Job", name: "train", action: "created", file: "f" }] } },
    [`GET ${jobs}`]: ({ path }) =>
      path.includes("watch=true")
        ? { chunks: later.map((object) => watchLine("MODIFIED", object)) }
        : { json: { metadata: { resourceVersion: "5" }, items: [first] } },
    [`GET ${jobs}/train/log`]: {
      headers: { "content-type": "application/vnd.homie.log", "homie-attempt": "1", "homie-log-offset": "0" },
      chunks: frames,
    },
    [`POST ${jobs}/train/cancel`]: { json: {} },
    ...more,
  });
  return transport;
}
