import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeManifests } from "../../src/resources/three-way.ts";
import type { MergeOutcome } from "../../src/resources/three-way.ts";
import type { Manifest } from "../../src/resources/types.ts";

const job = (spec: object, metadata: object = {}): Manifest => ({
  apiVersion: "homie.dev/v1",
  kind: "Job",
  metadata: { name: "x", ...metadata },
  spec,
});
const merge = (base: object | undefined, live: object, input: object): MergeOutcome =>
  mergeManifests({ ...(base === undefined ? {} : { base: job(base) }), live: job(live), input: job(input) });

const a = { name: "A", value: "1" };
const b = { name: "B", value: "1" };
const c = { name: "C", value: "1" };

/** base, live, input, and the spec they make. */
const peaceful: readonly (readonly [string, object | undefined, object, object, object])[] = [
  ["nothing changed", { priority: 1 }, { priority: 1 }, { priority: 1 }, { priority: 1 }],
  ["the input changes a field", { priority: 1 }, { priority: 1 }, { priority: 2 }, { priority: 2 }],
  ["a field changed by hand stays", { priority: 1 }, { priority: 3 }, { priority: 1 }, { priority: 3 }],
  ["both changed to the same", { priority: 1 }, { priority: 3 }, { priority: 3 }, { priority: 3 }],
  ["the input drops a field", { priority: 1, peer: "b" }, { priority: 1, peer: "b" }, { priority: 1 }, { priority: 1 }],
  [
    "a field dropped by hand stays away",
    { priority: 1, peer: "b" },
    { priority: 1 },
    { priority: 1, peer: "b" },
    { priority: 1 },
  ],
  [
    "a field added by hand stays",
    { priority: 1 },
    { priority: 1, peer: "b" },
    { priority: 2 },
    { priority: 2, peer: "b" },
  ],
  [
    "a map is merged field by field",
    { resources: { cpu: 1 } },
    { resources: { cpu: 1, memory: "1Gi" } },
    { resources: { cpu: 2 } },
    { resources: { cpu: 2, memory: "1Gi" } },
  ],
  ["a map that loses its last field goes", { resources: { cpu: 1 } }, { resources: { cpu: 1 } }, {}, {}],
  [
    "env is merged by name",
    { env: [a] },
    { env: [a, b] },
    { env: [{ ...a, value: "2" }, c] },
    { env: [{ ...a, value: "2" }, b, c] },
  ],
  ["a variable the input drops goes", { env: [a, b] }, { env: [a, b, c] }, { env: [a] }, { env: [a, c] }],
  ["the input's order counts when nobody edited", { env: [a, b] }, { env: [a, b] }, { env: [b, a] }, { env: [b, a] }],
  ["other lists are one value", { args: ["a"] }, { args: ["a"] }, { args: ["b", "c"] }, { args: ["b", "c"] }],
  [
    "without a base the input wins, the rest stays",
    undefined,
    { priority: 1, peer: "b", env: [a, b] },
    { priority: 2, env: [{ ...b, value: "9" }, c] },
    { priority: 2, peer: "b", env: [a, { ...b, value: "9" }, c] },
  ],
  [
    "without a base a command replaces a script",
    undefined,
    { script: "a.py", image: "x" },
    { command: ["a"], environment: "e" },
    { command: ["a"], environment: "e" },
  ],
  ["a script becomes a command", { script: "a.py" }, { script: "a.py" }, { command: ["a"] }, { command: ["a"] }],
];

describe("mergeManifests", () => {
  it.each(peaceful)("%s", (_title, base, live, input, expected) => {
    const outcome = merge(base, live, input);
    expect(outcome).toMatchObject({ merged: { spec: expected }, conflicts: [] });
    expect(outcome.merged.spec).toEqual(expected);
    expect(outcome.changed).toBe(JSON.stringify(expected) !== JSON.stringify(live));
  });

  it.each<readonly [string, object, object, object, object]>([
    ["a field", { priority: 1 }, { priority: 2 }, { priority: 3 }, { path: "spec.priority", live: 2, input: 3 }],
    ["a field the input drops", { priority: 1 }, { priority: 2 }, {}, { path: "spec.priority", live: 2 }],
    ["a field dropped by hand", { priority: 1 }, {}, { priority: 3 }, { path: "spec.priority", input: 3 }],
    [
      "a variable",
      { env: [a] },
      { env: [{ ...a, value: "2" }] },
      { env: [{ ...a, value: "3" }] },
      { path: "spec.env.A.value", live: "2", input: "3" },
    ],
    ["a list", { args: ["a"] }, { args: ["b"] }, { args: ["c"] }, { path: "spec.args", live: ["b"], input: ["c"] }],
    ["a field both added", {}, { peer: "b" }, { peer: "c" }, { path: "spec.peer", live: "b", input: "c" }],
  ])("%s changed on both sides to different values is a conflict", (_title, base, live, input, conflict) => {
    expect(merge(base, live, input).conflicts).toEqual([conflict]);
  });

  it("stands on the input's side in a conflict, so that it can be forced", () => {
    expect(merge({ priority: 1 }, { priority: 2, peer: "b" }, { priority: 3 }).merged.spec).toEqual({
      priority: 3,
      peer: "b",
    });
  });

  it("merges labels and annotations as it does the spec", () => {
    const outcome = mergeManifests({
      base: job({}, { labels: { a: "1", b: "1" } }),
      live: job({}, { labels: { a: "1", b: "1", mine: "x" }, annotations: { n: "1" } }),
      input: job({}, { labels: { a: "2" } }),
    });
    expect(outcome.merged.metadata).toEqual({ name: "x", labels: { a: "2", mine: "x" }, annotations: { n: "1" } });
  });

  it("is its input when nobody edited, and live when the input is not new", () => {
    fc.assert(
      fc.property(anySpec, anySpec, (one, other) => {
        expect(merge(one, one, other)).toMatchObject({ conflicts: [] });
        expect(merge(one, one, other).merged.spec).toEqual(other);
        expect(merge(one, other, one)).toMatchObject({ conflicts: [], changed: false });
        expect(merge(one, other, one).merged.spec).toEqual(other);
        expect(merge(one, other, other)).toMatchObject({ conflicts: [], changed: false });
      }),
    );
  });

  it("keeps quiet when applied a second time", () => {
    fc.assert(
      fc.property(fc.option(anySpec, { nil: undefined }), anySpec, anySpec, (base, live, input) => {
        const first = merge(base, live, input);
        const second = merge(input, first.merged.spec as object, input);
        expect(second).toMatchObject({ changed: false, conflicts: [] });
      }),
    );
  });
});

const anySpec = fc.record(
  {
    priority: fc.integer({ min: 0, max: 2 }),
    args: fc.array(fc.constantFrom("a", "b"), { maxLength: 2 }),
    resources: fc.record(
      { cpu: fc.integer({ min: 1, max: 2 }), memory: fc.constantFrom("1Gi", "2Gi") },
      { requiredKeys: ["cpu"], noNullPrototype: true },
    ),
    env: fc.uniqueArray(
      fc.record({ name: fc.constantFrom("A", "B", "C"), value: fc.constantFrom("1", "2") }, { noNullPrototype: true }),
      { selector: ({ name }) => name, minLength: 1 },
    ),
  },
  { requiredKeys: [], noNullPrototype: true },
);
