import { expect, test } from "vitest";
import { JobLines } from "../../../src/controllers/job/lines.ts";
import type { Job } from "../../../src/resources/job.ts";
import { aJob } from "../../support/builders.ts";

const job = (name: string, spec: Partial<Job["spec"]> = {}): Job => {
  const plain = aJob({ spec });
  return { ...plain, metadata: { ...plain.metadata, name } };
};
const gpu = { resources: { gpu: { count: 1 } } };

test("who needs no GPU does not wait behind who does", () => {
  const lines = new JobLines();
  for (const each of [job("a-gpu", gpu), job("b-gpu", gpu), job("plain"), job("urgent", { priority: 1 })])
    lines.offer(each);
  expect(lines.heads()).toEqual(["a-gpu", "urgent"]);
  expect(["a-gpu", "b-gpu", "plain", "urgent"].filter((name) => lines.isBehind(name))).toEqual(["b-gpu", "plain"]);
  lines.withdraw("a-gpu");
  expect(lines.heads()).toEqual(["b-gpu", "urgent"]);
});

test("a job that needs a GPU no more changes the line", () => {
  const lines = new JobLines();
  lines.offer(job("train", gpu));
  lines.offer(job("train"));
  expect(lines.heads()).toEqual(["train"]);
  lines.withdraw("train");
  expect(lines.heads()).toEqual([]);
});
