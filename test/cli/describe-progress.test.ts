import { expect, it } from "vitest";
import { describeProgress } from "../../src/cli/run/describe-progress.ts";

const jobWith = (status: object): Parameters<typeof describeProgress>[0] =>
  ({ metadata: { name: "train", generation: 1 }, status: { observedGeneration: 1, peer: "bob", ...status } }) as never;

it.each([
  [
    { phase: "Staging", message: "bringing image and files to bob" },
    "preparing on bob: bringing image and files to bob",
  ],
  [
    { phase: "Staging", transfer: { what: "inputs", doneBytes: 512, totalBytes: 1_024 } },
    "sending to bob: files [##########----------] 512 B of 1 KiB",
  ],
  [
    { phase: "Staging", transfer: { what: "image", doneBytes: 0, totalBytes: 2 ** 20 } },
    "sending to bob: image layers [--------------------] 0 B of at most 1 MiB",
  ],
  [
    { phase: "Collecting", transfer: { what: "outputs", doneBytes: 4, totalBytes: 4 } },
    "bringing files home from bob: outputs [####################] 4 B of 4 B",
  ],
  [{ phase: "Running" }, "running on bob"],
])("%j is said as %s", (status, text) => {
  expect(describeProgress(jobWith(status))).toBe(text);
});
