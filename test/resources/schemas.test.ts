import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { explainField, fieldTree } from "../../src/resources/explain.ts";
import { declaredKinds } from "../../src/resources/kinds.ts";
import { rootNode } from "../../src/resources/schema-nodes.ts";
import { validateManifest } from "../../src/resources/validate.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readSchema = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(`${root}/schemas/${name}.schema.json`, "utf8")) as Record<string, unknown>;

/** Every schema node that describes a value, with the place it is at. */
function* valueNodes(node: unknown, at: string): Generator<readonly [string, Record<string, unknown>]> {
  if (typeof node !== "object" || node === null) return;
  const schema = node as Record<string, unknown>;
  if ("$ref" in schema) return;
  yield [at, schema];
  for (const group of ["properties", "$defs"]) {
    for (const [name, child] of Object.entries((schema[group] ?? {}) as object))
      yield* valueNodes(child, `${at}.${name}`);
  }
  if (typeof schema["items"] === "object") yield* valueNodes(schema["items"], `${at}[]`);
}

/** Of a few runs, until one took no more than `enoughMs`: any of them may have been interrupted. */
function fastestMs(work: () => void, enoughMs: number): number {
  let fastest = Infinity;
  for (let run = 0; run < 5 && fastest >= enoughMs; run += 1) {
    const startedMs = performance.now();
    work();
    fastest = Math.min(fastest, performance.now() - startedMs);
  }
  return fastest;
}

describe("the schemas", () => {
  it("are what the generated files were made from", async () => {
    const outcome = await promisify(execFile)(process.execPath, ["scripts/generate.ts", "--check"], { cwd: root });
    expect(outcome.stderr).toBe("");
  });

  it.each(declaredKinds)("describe every field of %s", (kind) => {
    const silent = [...valueNodes(rootNode(kind), kind)].filter(([at, node]) => {
      const isPlainItem = at.endsWith("running[]");
      return !isPlainItem && (typeof node["description"] !== "string" || node["description"].length < 5);
    });
    expect(silent.map(([at]) => at)).toEqual([]);
  });

  it.each(declaredKinds)("bound the length of every text of %s that has a pattern", (kind) => {
    const unbounded = [...valueNodes(rootNode(kind), kind)].filter(
      ([, node]) => node["pattern"] !== undefined && node["maxLength"] === undefined,
    );
    expect(unbounded.map(([at]) => at)).toEqual([]);
  });

  it.each(declaredKinds)("answer in time for texts of 50,000 characters in any pattern of %s", (kind) => {
    const patterns = [...valueNodes(rootNode(kind), kind)].flatMap(([, node]) =>
      typeof node["pattern"] === "string" ? [node] : [],
    );
    expect(patterns.length).toBeGreaterThan(3);
    for (const node of patterns) {
      const pattern = new RegExp(String(node["pattern"]), "u");
      for (const piece of ["a", "a-", "-", "a.", "1:", "/", "[", "Mon-", "00:00-"]) {
        // As long as the validator lets it through to the pattern.
        const text = `${piece.repeat(50_000).slice(0, Math.min(50_000, Number(node["maxLength"])))}\u0000`;
        expect(fastestMs(() => pattern.test(text), 50)).toBeLessThan(50);
      }
    }
  });

  it.each(declaredKinds)("carry an example of %s that is valid", (kind) => {
    const [example] = rootNode(kind).examples ?? [];
    expect(validateManifest(example)).toEqual([]);
  });

  it.each(declaredKinds)("accept each field example of %s", (kind) => {
    const { fields } = explainField(`${kind}.spec`);
    for (const { name } of fields) {
      const { example } = explainField(`${kind}.spec.${name}`);
      if (example === undefined) continue;
      const needed = kind === "Job" && !["script", "command"].includes(name) ? { script: "a.py" } : {};
      const metadata = { name: kind === "Limits" ? "default" : "x" };
      const issues = validateManifest({
        apiVersion: "homie.dev/v1",
        kind,
        metadata,
        spec: { ...needed, [name]: example },
      });
      expect([name, issues]).toEqual([name, []]);
    }
  });

  it("take any kind in the combined schema, and nothing else", () => {
    const ajv = new Ajv2020({ strict: false });
    const validate = ajv.compile(readSchema("homie"));
    for (const kind of declaredKinds) expect([kind, validate(rootNode(kind).examples?.[0])]).toEqual([kind, true]);
    expect(validate({ ...(rootNode("Job").examples?.[0] as object), kind: "Peer" })).toBe(false);
  });

  it("have the $id they are published under", () => {
    for (const name of ["job", "limits", "network", "peer", "homie"]) {
      expect(readSchema(name)["$id"]).toBe(`https://homie.dev/schemas/v1/${name}.schema.json`);
    }
  });
});

describe("explain", () => {
  it("shows a list's fields without an index", () => {
    const { type, fields, required } = explainField("job.spec.outputs");
    expect([type, required, fields.map(({ name }) => name)]).toEqual([
      "[]object",
      false,
      ["paths", "exclude", "to", "required", "maxSize", "when"],
    ]);
    expect(explainField("jobs.spec.outputs.paths")).toMatchObject({
      path: "job.spec.outputs.paths",
      type: "[]string",
      required: false,
    });
  });

  it("shows default and choices", () => {
    expect(explainField("job.spec.network")).toMatchObject({ default: "none", enumValues: ["none", "egress"] });
    expect(explainField("JOB.spec.backoffLimit")).toMatchObject({ default: 0, type: "integer" });
    expect(explainField("job.spec.peerSelector.matchLabels").type).toBe("map of string");
  });

  it.each([
    ["job.spec.outptus", 'job.spec has no field "outptus"', 'did you mean "outputs"?'],
    ["jbo.spec", 'no kind is called "jbo"', 'did you mean "job"?'],
    ["job.spec.script.x", 'job.spec.script has no field "x"', "job.spec.script has no fields"],
    ["job.spec.constructor", 'job.spec has no field "constructor"', /fields of job.spec: image/],
    ["attempts.spec", "attempts are written by homie only and have no schema", /known kinds/],
  ])("%s is not there, and says what is near", (path, message, hint) => {
    expect(() => explainField(path)).toThrow(
      expect.objectContaining({ code: "NotFound", message, hint: expect.stringMatching(hint) }),
    );
  });

  it("lists everything below a field", () => {
    const spec = fieldTree("job").find(({ name }) => name === "spec");
    const gpu = spec?.fields.find(({ name }) => name === "resources")?.fields.find(({ name }) => name === "gpu");
    expect(gpu?.fields.map(({ name }) => name)).toEqual(["count", "model", "minMemory"]);
  });
});
