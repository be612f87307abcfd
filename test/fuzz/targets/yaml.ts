import { globSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { declaredKinds } from "../../../src/resources/kinds.ts";
import { parseManifests } from "../../../src/resources/parse.ts";
import { spliceStatus } from "../../../src/resources/splice-status.ts";
import { validateManifest } from "../../../src/resources/validate.ts";
import { jobText } from "../../resources/samples.ts";
import { jsonMutants, made, must, mustBeSayable, mutants, type FuzzTarget, type Verdict } from "../target.ts";

const pieces = fc.constantFrom(
  ...[
    "apiVersion: homie.dev/v1\n",
    "kind: Job\n",
    "metadata:\n  name: x\n",
    "spec:\n",
    "  script: a.py\n",
    "  args: [a]\n",
  ],
  ...[
    "---\n",
    "...\n",
    "\t",
    "- ",
    "  ",
    "? ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "!t ",
    "!!int ",
    "!!binary ",
    "<<: ",
  ],
  ...[
    '"',
    "'",
    "|\n",
    ">\n",
    ">-\n",
    "|+\n",
    "#c\n",
    "%YAML 1.2\n",
    "\u0000",
    "\ufeff",
    "\u2028",
    "\r\n",
    "\r",
    "\ud800",
  ],
  ...[
    "__proto__: ",
    "1e999",
    "0x",
    ",",
    "[".repeat(70),
    "a: ".repeat(30),
    "status:\n  phase: x\n",
    "\u00a0",
    "no",
    "~",
  ],
);
const texts = fc
  .array(fc.oneof(pieces, pieces, fc.string({ unit: "binary", maxLength: 5 })), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.join("")));

const share = { cpu: 1, memory: "1Gi" };
const manifests: readonly unknown[] = [
  {
    ...{ apiVersion: "homie.dev/v1", kind: "Job", metadata: { name: "train", labels: { a: "b" } } },
    spec: {
      ...{ image: "python:3.12", command: ["python3", "a.py"], args: ["1"], env: [{ name: "A", value: "1" }] },
      ...{ resources: share, outputs: [{ paths: ["*.pkl"], exclude: ["x"] }], timeoutSeconds: 60, priority: 1 },
    },
  },
  ...declaredKinds.map((kind) => ({ apiVersion: "homie.dev/v1", kind, metadata: { name: "default" }, spec: {} })),
];

function examples(): readonly Buffer[] {
  const root = new URL("../../..", import.meta.url);
  const paths = globSync("{examples,manifests}/**/*.yaml", { cwd: root }).toSorted();
  return paths.map((path) => readFileSync(new URL(path, root))).filter(({ length }) => length < 8_192);
}

function check(input: Uint8Array): Verdict {
  const { documents, problems } = parseManifests(input, "job.yaml");
  const lines = Buffer.from(input)
    .toString("latin1")
    .split(/\r\n|\n|\r/).length;
  for (const { line, column, message, hint = "-", file, path } of problems) {
    must(file === "job.yaml" && line >= 1 && column >= 1, `a problem at ${file}:${line}:${column}`);
    must(line <= Math.max(lines, input.length), `line ${line} of ${lines}`);
    mustBeSayable(message);
    mustBeSayable(hint);
    mustBeSayable(`at ${path}`);
  }
  for (const { index, manifest } of documents) {
    must(validateManifest(manifest).length === 0, "an object that does not fit its schema");
    if (Buffer.from(input).toString().isWellFormed()) mustSplice(Buffer.from(input).toString(), index);
  }
  must(Object.keys(Object.prototype).length === 0, "a field of every object");
  return documents.length > 0 ? "accepted" : "refused";
}

/** A status goes into whatever was accepted, and what it says is still accepted then. */
function mustSplice(text: string, index: number): void {
  const spliced = spliceStatus(text, index, { phase: "Running" });
  if (!spliced.ok) return;
  const again = parseManifests(spliced.text, "job.yaml").documents.find((each) => each.index === index);
  must(JSON.stringify(again?.mirroredStatus) === '{"phase":"Running"}', "a spliced status reads otherwise");
}

export function yamlTarget(): FuzzTarget {
  const job = jobText("script: a.py", "env: [{name: A, value: '1'}]", "resources: {cpu: 500m}", "args: [a, b] # why");
  const corpus = [job, `${job}---\n${job.replace("name: x", "name: y")}`, "# nothing\n---\n"].map((each) =>
    Buffer.from(each),
  );
  return {
    name: "yaml",
    share: 6,
    sources: [mutants([...corpus, ...examples()]), mutants(corpus), made(texts), jsonMutants(manifests)],
    check,
    // What is promised for files up to 64 KiB; longer ones are not made here.
    maxCpuMs: 100,
  };
}
