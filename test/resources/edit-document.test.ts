import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDocument, removeDocument, renderManifest } from "../../src/resources/edit-document.ts";
import { parseManifests } from "../../src/resources/parse.ts";
import type { Manifest } from "../../src/resources/types.ts";

const text = `# top
apiVersion: homie.dev/v1
kind: Job
metadata:
  name: x   # the name
  labels: {team: ml}
# about spec
spec:
  # script to run
  script:   train.py   # keep

  env:
    # first
    - name: A
      value: 'one'   # why
    - {name: B, value: two}
  args: [ "a",  b ]
  resources:
      cpu: 2
      # memory: 4Gi
# end
status:
  phase: Running
`;
const spec = {
  script: "train.py",
  env: [
    { name: "A", value: "one" },
    { name: "B", value: "two" },
  ],
  args: ["a", "b"],
  resources: { cpu: 2 },
};
const manifest = (changes: object, metadata: object = {}): Manifest => ({
  apiVersion: "homie.dev/v1",
  kind: "Job",
  metadata: { name: "x", labels: { team: "ml" }, ...metadata },
  spec: { ...spec, ...changes },
});

/** Lines that differ, as -old +new. */
function changedLines(before: string, after: string): readonly string[] {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  return [
    ...old.filter((line) => !fresh.includes(line)).map((line) => `-${line}`),
    ...fresh.filter((line) => !old.includes(line)).map((line) => `+${line}`),
  ];
}

const read = (yaml: string): unknown => parseManifests(yaml, "f").documents[0]?.manifest;

describe("editDocument", () => {
  it("gives back the same bytes when nothing differs", () => {
    expect(editDocument(text, 0, manifest({}))).toBe(text);
  });

  it.each<readonly [string, Manifest, readonly string[]]>([
    ["a text", manifest({ script: "b c.py" }), ["-  script:   train.py   # keep", "+  script:   b c.py   # keep"]],
    ["a number", manifest({ resources: { cpu: 3 } }), ["-      cpu: 2", "+      cpu: 3"]],
    [
      "a value that needs quotes",
      manifest({ env: [{ name: "A", value: "no" }, spec.env[1]] }),
      ["-      value: 'one'   # why", '+      value: "no"   # why'],
    ],
    [
      "a value in a flow map",
      manifest({ env: [spec.env[0], { name: "B", value: "x, y" }] }),
      ["-    - {name: B, value: two}", '+    - {name: B, value: "x, y"}'],
    ],
    ["a new field", manifest({ timeoutSeconds: 5 }), ["+  timeoutSeconds: 5"]],
    ["a new field deeper", manifest({ resources: { cpu: 2, memory: "1Gi" } }), ["+      memory: 1Gi"]],
    ["a field that goes", manifest({ args: undefined }), ['-  args: [ "a",  b ]']],
    ["a list of another length", manifest({ args: ["a"] }), ['-  args: [ "a",  b ]', "+  args:", "+    - a"]],
    [
      "a new label in a flow map",
      manifest({}, { labels: { team: "ml", a: "b" } }),
      ["-  labels: {team: ml}", '+  labels: {team: ml, "a": "b"}'],
    ],
    ["annotations", manifest({}, { annotations: { "a.b/c": "1" } }), ["+  annotations:", '+    a.b/c: "1"']],
  ])("changes only the lines of %s", (_title, after, expected) => {
    const edited = editDocument(text, 0, after);
    expect(changedLines(text, edited)).toEqual(expected);
    expect(read(edited)).toEqual(JSON.parse(JSON.stringify(after)));
  });

  it("keeps the comments of a list that grows, and of all that is around it", () => {
    const edited = editDocument(text, 0, manifest({ env: [spec.env[0], { name: "C", value: "3" }, spec.env[1]] }));
    for (const comment of [
      "# top",
      "# the name",
      "# about spec",
      "# script to run",
      "# keep",
      "# first",
      "# why",
      "# memory: 4Gi",
      "# end",
    ]) {
      expect(edited.split(comment)).toHaveLength(2);
    }
    expect(read(edited)).toMatchObject({ spec: { env: [{ name: "A" }, { name: "C" }, { name: "B" }] } });
    expect(edited).toContain("status:\n  phase: Running\n");
  });

  it("leaves the other documents of a file alone", () => {
    const file = `a: [ 1,2 ] # odd\n---\n${text}---\nb:   2\n`;
    expect(editDocument(file, 1, manifest({ priority: 3 }))).toBe(
      file.replace("      # memory: 4Gi\n", "      # memory: 4Gi\n  priority: 3\n"),
    );
  });

  it("edits JSON and CRLF as they are", () => {
    const json = '{"apiVersion":"homie.dev/v1","kind":"Job","metadata":{"name":"x"},"spec":{"script":"a.py"}}';
    const crlf = "apiVersion: homie.dev/v1\r\nkind: Job\r\nmetadata:\r\n  name: x\r\nspec:\r\n  script: a.py\r\n";
    const after: Manifest = {
      apiVersion: "homie.dev/v1",
      kind: "Job",
      metadata: { name: "x" },
      spec: { script: "b.py", args: ["1"] },
    };
    expect(editDocument(json, 0, after)).toBe(json.replace('"a.py"', '"b.py", "args": ["1"]'));
    expect(editDocument(crlf, 0, after)).toBe(crlf.replace("a.py\r\n", 'b.py\r\n  args:\r\n    - "1"\r\n'));
  });

  it("refuses a document with problems", () => {
    expect(() => editDocument("a: &x 1\nb: *x\n", 0, manifest({}))).toThrow(/problems of its own/);
    expect(() => editDocument("a: 1\n", 3, manifest({}))).toThrow(/no document 3/);
  });

  it("arrives at any spec from any other, and keeps the comments outside", () => {
    fc.assert(
      fc.property(anySpec, anySpec, anySpec, (first, second, third) => {
        const start = `# head\n${renderManifest({ ...manifest({}), spec: first })}# tail\n`;
        expect((read(start) as Manifest | undefined)?.spec).toEqual(first);
        const middle = editDocument(start, 0, { ...manifest({}), spec: second });
        const end = editDocument(middle, 0, { ...manifest({}), spec: third });
        expect((read(end) as Manifest | undefined)?.spec).toEqual(third);
        expect(end.startsWith("# head\n# yaml-language-server")).toBe(true);
        expect(end.endsWith("# tail\n")).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

const plain = fc.string({ unit: fc.constantFrom("a", "0", " ", ":", "#", "'", '"', "-", "\n", "é"), maxLength: 12 });
const anySpec = fc.record(
  {
    script: fc.constant("a.py"),
    args: fc.array(plain, { maxLength: 4 }),
    env: fc.uniqueArray(fc.record({ name: fc.constantFrom("A", "B", "C", "D"), value: plain }), {
      selector: ({ name }) => name,
    }),
    resources: fc.record({ cpu: fc.integer({ min: 1, max: 9 }), memory: fc.constant("1Gi") }, { requiredKeys: [] }),
    priority: fc.integer({ min: -100, max: 100 }),
    suspend: fc.boolean(),
  },
  { requiredKeys: ["script"], noNullPrototype: true },
);

describe("removeDocument", () => {
  it.each([
    ["the first", "a: 1\n---\nb: 2\n", 0, "---\nb: 2\n"],
    ["the last", "# h\na: 1\n---\nb: 2\n", 1, "# h\na: 1\n"],
    ["one between", "a: 1\n...\n# c\n---\nb: 1\n---\nc: 1", 1, "a: 1\n...\n# c\n---\nc: 1"],
    ["the only one", "a: 1\n", 0, undefined],
    ["the only one that says anything", "---\n# c\n---\na: 1\n", 1, undefined],
    ["one beside a broken one", "a: [\n---\nb: 1\n", 1, "a: [\n"],
  ])("takes out %s", (_title, file, index, rest) => {
    expect(removeDocument(file, index)).toBe(rest);
  });

  it("refuses an index that is not there", () => {
    expect(() => removeDocument("a: 1\n", 1)).toThrow(/no document 1/);
  });
});

describe("renderManifest", () => {
  it("writes a file that reads back equal and names its schema for editors", () => {
    const odd = manifest({ args: ["no", "012", "1e3", "a\nb\n", "", " x ", "# c", "2026-01-01", " \n", "\n\n"] });
    const yaml = renderManifest(odd);
    expect(yaml.split("\n")[0]).toBe("# yaml-language-server: $schema=https://homie.dev/schemas/v1/job.schema.json");
    expect(parseManifests(yaml, "f")).toMatchObject({ problems: [], documents: [{ manifest: odd }] });
  });
});
