import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spliceStatus } from "../../src/resources/splice-status.ts";
import { parseManifests } from "../../src/resources/parse.ts";
import { validateManifest } from "../../src/resources/validate.ts";
import { rootNode } from "../../src/resources/schema-nodes.ts";
import { declaredKinds } from "../../src/resources/kinds.ts";
import { jobText } from "./samples.ts";

const pieces = fc.constantFrom(
  ..."apiVersion: homie.dev/v1\n|kind: Job\n|metadata:\n  name: x\n|spec:\n  script: a.py\n|  args: [a]\n|---\n|...\n|\t|  |- |? |: |[|]|{|}|&a |*a|!t |!!int |<<: |\"|'|| >|>-\n|#c\n|%YAML 1.2\n|\u0000|\ufeff|\u2028|\r\n|\r|\ud800|__proto__: |1e999|0x|,".split(
    "|",
  ),
  "|+\n",
);

describe("hostile texts", () => {
  it("never make parse or splice throw, and every problem has a place", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(pieces, fc.string({ unit: "binary", maxLength: 5 })), { maxLength: 40 }),
        (parts) => {
          const text = parts.join("");
          const { problems, documents } = parseManifests(text, "f");
          for (const problem of problems) {
            expect(problem.line).toBeGreaterThan(0);
            expect(problem.column).toBeGreaterThan(0);
            expect(problem.message).not.toBe("");
          }
          for (const { index } of documents) expect(spliceStatus(text, index, { a: 1 })).toHaveProperty("ok");
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("of any bytes never make parse throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseManifests(bytes, "f")),
      { numRuns: 1000 },
    );
  });

  it("with one byte of a good Job changed are refused or mean a Job", () => {
    const good = Buffer.from(jobText("script: a.py", "env: [{name: A, value: '1'}]", "resources: {cpu: 500m}"));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = Uint8Array.from(good);
        bytes[at] = byte;
        for (const { manifest } of parseManifests(bytes, "f").documents) expect(validateManifest(manifest)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("validateManifest", () => {
  it("never throws and answers at most ten issues, whatever the value", () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: false });
    const nearly = fc.record({
      apiVersion: fc.constant("homie.dev/v1"),
      kind: fc.constantFrom(...declaredKinds),
      metadata: fc.oneof(fc.record({ name: fc.constant("x"), labels: anything }), anything),
      spec: fc.oneof(
        fc.dictionary(
          fc.constantFrom(...Object.keys(rootNode("Job").$defs?.["JobSpec"]?.properties ?? {}), "__proto__"),
          anything,
        ),
        anything,
      ),
    });
    fc.assert(
      fc.property(fc.oneof(anything, nearly), (value) => {
        const issues = validateManifest(jsonOf(value));
        expect(issues.length).toBeLessThanOrEqual(10);
        for (const { message, path, segments } of issues) {
          expect(message).not.toBe("");
          expect(path === "").toBe(segments.length === 0);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it("works on what the API receives as on what a file says", () => {
    const value = {
      apiVersion: "homie.dev/v1",
      kind: "Job",
      metadata: { name: "x" },
      spec: { script: "a.py", prio: 1 },
      status: { any: 1 },
    };
    expect(validateManifest(value)).toEqual([
      {
        path: "spec.prio",
        segments: ["spec", "prio"],
        message: 'unknown field "prio"',
        hint: 'did you mean "priority"?',
        about: "key",
      },
    ]);
  });
});

/** As it would come over the wire. */
function jsonOf(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}
