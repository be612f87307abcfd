import { describe, expect, it } from "vitest";
import { parseManifests } from "../../src/resources/parse.ts";
import { jobText, kindText, problemsOf, said } from "./samples.ts";

const longName = "a".repeat(254);
const header = (name: string): string =>
  `apiVersion: homie.dev/v1\nkind: Job\nmetadata:\n  name: ${name}\nspec:\n  script: a.py\n`;
const script = "script: a.py";

/** What is written, and what the first problem says: line:column path: message; hint. */
const refusedTexts: readonly (readonly [title: string, text: string | Uint8Array, said: RegExp])[] = [
  ["a NUL byte", "a: 1\0", /^1:5 : .*NUL/],
  ["a file of zeros", new Uint8Array(512), /^1:1 : .*NUL/],
  ["UTF-16 with a mark", Buffer.from("\ufeffa: 1\n", "utf16le"), /UTF-16, not UTF-8/],
  ["UTF-16 without a mark", Buffer.from("kind: Job\n", "utf16le"), /UTF-16, not UTF-8/],
  ["UTF-32", new Uint8Array([0xff, 0xfe, 0, 0, 65, 0, 0, 0]), /UTF-32/],
  ["Latin-1", Buffer.from("a: 1\nb: caf\u00e9\n", "latin1"), /^2:7 : .*Latin-1/],
  ["a lone surrogate", "a: \ud800", /^1:4 : .*surrogate/],
  ["a delete character in a misspelt field", "apiVersio\u007f: x\n", /not "apiVersio\\u007f"$/],
  ["an escape sequence where a list belongs", jobText(script, "args: \u009b2J"), /write a list: \["\\u009b2J"\]$/],
  ["a tab for indent", "a:\n\tb: 1\n", /^2:1 : .*[Tt]ab.*; indent with spaces/],
  [
    "a no-break space for indent",
    header("x").replace("  script", "\u00a0\u00a0script"),
    /spec: must be a map of fields, found nothing/,
  ],
  ["a field twice", `${header("x")}spec: {}\n`, /^7:1 spec: "spec" is there twice/],
  ["billion laughs", "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", /^1:7 a: anchors/],
  ["an anchor that contains itself", "a: &a\n  b: *a\n", /anchors \(&a\) are not allowed/],
  ["100,000 lists in each other", "[".repeat(100_000), /^1:65 : nested deeper than 64/],
  ["100,000 maps in each other", "{a: ".repeat(100_000), /nested deeper than 64/],
  ["100,000 dashes", "- ".repeat(100_000), /nested deeper than 64/],
  ["2 MiB", "#".repeat(2 * 1024 * 1024), /too large: 2097152 bytes, at most 1048576/],
  ["1,000 documents", "---\na: 1\n".repeat(1000), /more than 100 documents/],
  ["a file of nothing but marks", "a: b\n".repeat(100_000), /more than 50000 words and marks/],
  ["an alias with an escape sequence", "a: *\u009b2J\u202e\n", /aliases \(\*\\u009b2J\\u202e\) are not allowed/],
  ["an anchor with an escape sequence", "a: &\u0007 b\n", /anchors \(&\\u0007\) are not allowed/],
  ["a function tag", "a: !!js/function 'x'\n", /a: the tag .*js\/function" is not allowed/],
  ["a binary tag", "a: !!binary aGk=\n", /the tag .*binary" is not allowed/],
  ["a set tag", "a: !!set {b}\n", /the tag .*set" is not allowed/],
  ["a tag of one's own", "a: !mine b\n", /the tag "!mine" is not allowed/],
  ["a tag directive", "%TAG ! tag:x,2000:\n---\na: 1\n", /tag directives are not allowed/],
  ["YAML 1.1", "%YAML 1.1\n---\na: yes\n", /YAML 1\.1 is not read/],
  ["a merge key", `${header("x")}<<: {a: 1}\n`, /^7:1 .*merge keys/],
  ["a list as a document", "- a\n", /must be a map of fields, found a list of 1/],
  ["a text as a document", "hello\n", /must be a map of fields, found the text "hello"/],
  ["__proto__ as a field", jobText(script, "__proto__: {polluted: true}"), /unknown field "__proto__"/],
  [
    "constructor as a field",
    jobText(script, "constructor: {prototype: {polluted: true}}"),
    /unknown field "constructor"/,
  ],
  ["__proto__ as a label", header("x\n  labels: {__proto__: a}"), /"__proto__" is not a label key/],
  ["a bare no", jobText(script, "image: no"), /^7:10 spec\.image: no without quotes.*"no" in quotes/],
  ["a bare on in a list", jobText(script, "args: [on]"), /^7:10 spec\.args\[0\]: on without quotes/],
  ["a bare yes for a boolean", jobText(script, "suspend: yes"), /spec\.suspend: must be true or false.*; write true/],
  [
    "an octal number for a text",
    jobText(script, "image: 012"),
    /spec\.image: must be text, found the number 12; .*"012"/,
  ],
  [
    "an octal number for a number",
    jobText(script, "priority: 012"),
    /spec\.priority: 012 is not a plain decimal number/,
  ],
  ["an exponent for a text", jobText(script, "peer: 1e3"), /spec\.peer: must be text, found the number 1000; .*"1e3"/],
  ["a hexadecimal number", jobText(script, "timeoutSeconds: 0x10"), /timeoutSeconds: 0x10 is not a plain decimal/],
  ["not a number", jobText(script, "resources: {cpu: .nan}"), /spec\.resources\.cpu: must be a number or a quantity/],
  [
    "an environment number",
    jobText(script, "env: [{name: A, value: 42}]"),
    /^7:26 spec\.env\[0\]\.value: must be text, found the number 42; put quotes around it: "42"/,
  ],
  ["cpu 1e308", jobText(script, "resources: {cpu: 1e308}"), /cpu: must be at most 1024.*thousandths with m/],
  ["cpu -1", jobText(script, "resources: {cpu: -1}"), /cpu: must be at least 0\.01/],
  ["cpu 0", jobText(script, "resources: {cpu: 0}"), /cpu: must be at least 0\.01/],
  ["cpu 0.0001", jobText(script, "resources: {cpu: 0.0001}"), /cpu: must be at least 0\.01/],
  ["cpu in a text below the least", jobText(script, "resources: {cpu: 1m}"), /cpu: must be 0\.01 to 1024 cores/],
  ["memory 4gg", jobText(script, "resources: {memory: 4gg}"), /memory: "4gg" is not a size; .*Ki Mi Gi Ti.*K M G T/],
  ["memory 9999999t", jobText(script, "resources: {memory: 9999999t}"), /memory: "9999999t" is not a size/],
  ["memory -4g", jobText(script, "resources: {memory: -4g}"), /memory: "-4g" is not a size/],
  ["memory below Docker's least", jobText(script, "resources: {memory: 1Mi}"), /memory: must be 6Mi to/],
  [
    "maxSize without sense",
    jobText(script, "outputs: [{paths: [a], maxSize: much}]"),
    /outputs\[0\]\.maxSize: "much" is not a size/,
  ],
  ["an unknown field", jobText(script, "imgae: a"), /^7:3 spec\.imgae: unknown field "imgae"; did you mean "image"\?/],
  [
    "a wrong apiVersion",
    header("x").replace("homie.dev/v1", "homie/v1"),
    /^1:13 apiVersion: must be "homie\.dev\/v1".*did you mean/,
  ],
  [
    "no apiVersion",
    header("x").replace("apiVersion", "apiversion"),
    /missing field "apiVersion"; write apiVersion: homie\.dev\/v1/,
  ],
  ["a wrong kind", header("x").replace("Job", "Jbo"), /^2:7 kind: unknown kind "Jbo"; did you mean "Job"/],
  ["a kind in lower case", header("x").replace("Job", "peers"), /did you mean "Peer"/],
  ["a kind only homie writes", header("x").replace("Job", "Attempt"), /Attempt is written by homie only/],
  [
    "a wrong enum value",
    jobText(script, "network: egres"),
    /network: must be one of "none", "egress", found "egres"; did you mean "egress"/,
  ],
  ["uid in a file", header("x\n  uid: abc"), /metadata\.uid: unknown field "uid"; homie keeps it itself/],
  ["a name of 254 characters", header(longName), /^4:9 metadata\.name: is too long: 254 characters, at most 63/],
  ["capitals in a name", header("Train"), /metadata\.name: must be a DNS label/],
  ["a path as a name", header("../x"), /metadata\.name: must be a DNS label/],
  ["a slash in a name", header("a/b"), /metadata\.name: must be a DNS label/],
  ["an emoji as a name", header("🚀"), /metadata\.name: must be a DNS label/],
  ["a homoglyph", header("b\u043eb"), /metadata\.name: must be a DNS label/],
  ["a name that ends in a dot", header("a."), /metadata\.name: must be a DNS label/],
  ["an empty name", header('""'), /metadata\.name: must not be empty/],
  [
    "10,000 args",
    jobText(script, `args: [${"a,".repeat(10_000)}]`),
    /spec\.args: has too many items: 10000, at most 256/,
  ],
  [
    "args of 200 KiB",
    jobText(script, `args: [${'"'}${"a".repeat(100_000)}", "${"b".repeat(100_000)}"]`),
    /spec\.args: is too long: 200002 bytes/,
  ],
  [
    "= in the name of a variable",
    jobText(script, 'env: [{name: "A=B", value: ""}]'),
    /env\[0\]\.name: must be letters/,
  ],
  [
    "a newline in the name of a variable",
    jobText(script, 'env: [{name: "A\\nB", value: ""}]'),
    /env\[0\]\.name: must be letters/,
  ],
  ["NUL in a variable", jobText(script, 'env: [{name: A, value: "a\\0"}]'), /env\[0\]\.value: must not hold a NUL/],
  [
    "a variable twice",
    jobText(script, "env: [{name: A, value: a}, {name: A, value: b}]"),
    /env\[1\]\.name: "A" is already set by spec\.env\[0\]/,
  ],
  ["an image with spaces", jobText(script, 'image: "a b"'), /spec\.image: must be a Docker image reference/],
  ["an option as an image", jobText(script, "image: --privileged"), /spec\.image: must be a Docker image reference/],
  ["a URL as an image", jobText(script, "image: https://x/y"), /spec\.image: .*is a URL/],
  ["an image of 1,000 characters", jobText(script, `image: ${"a".repeat(1000)}`), /spec\.image: is too long/],
  ["an image in capitals", jobText(script, "image: Python"), /capital letters/],
  ["a digest that is too short", jobText(script, "image: python@sha256:abc"), /has a digest that is not/],
  [
    "an absolute output",
    jobText(script, 'outputs: [{paths: ["/etc/*"]}]'),
    /outputs\[0\]\.paths\[0\]: must be relative/,
  ],
  ["an output above", jobText(script, 'outputs: [{paths: ["../**"]}]'), /paths\[0\]: must not leave/],
  [
    "a glob bomb",
    jobText(script, `outputs: [{paths: ["${"**/".repeat(60)}"]}]`),
    /paths\[0\]: has more than 4 times \*\*/,
  ],
  ["outputs as texts", jobText(script, 'outputs: ["*.pkl"]'), /outputs\[0\]: must be a map of fields, found the text/],
  ["nested braces", jobText(script, 'outputs: [{paths: ["{a,{b,c}}"]}]'), /must not nest braces/],
  [
    "an input above the work directory",
    jobText(script, "inputs: [{path: a, mountPath: ../a}]"),
    /mountPath: must not leave/,
  ],
  [
    "an input outside /work",
    jobText(script, "inputs: [{path: a, mountPath: /etc/a}]"),
    /mountPath: must be relative, or absolute below \/work\//,
  ],
  [
    "an input in place of the work directory",
    jobText(script, "inputs: [{path: a, mountPath: .}]"),
    /mountPath: must name a place/,
  ],
  [
    "two inputs in one place",
    jobText(script, "inputs: [{path: a, mountPath: d}, {path: b, mountPath: d}]"),
    /mountPath: "d" is already taken/,
  ],
  ["neither script nor command", jobText("image: a"), /spec: needs a script or a command/],
  ["args alone", jobText("args: [a]"), /spec: needs a script or a command; args are added to/],
  ["script and command", jobText(script, "command: [a]"), /spec: has both script and command/],
  ["image and environment", jobText(script, "image: a", "environment: b"), /spec: has both image and environment/],
  ["a script no interpreter knows", jobText("script: a.exe"), /spec\.script: "a\.exe" has no extension/],
  [
    "an empty spec",
    "apiVersion: homie.dev/v1\nkind: Job\nmetadata:\n  name: x\nspec:\n",
    /spec: must be a map of fields, found nothing \(null\)/,
  ],
  ["no spec", "apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: x}\n", /missing field "spec"/],
  [
    "limits of another name",
    header("mine").replace("Job", "Limits").replace("script: a.py", "cpu: 1"),
    /metadata\.name: must be "default"/,
  ],
  ["a zone nobody knows", kindText("Limits", "schedule: {timeZone: Mars/Base}"), /timeZone: is not a known time zone/],
  [
    "a day that does not exist",
    kindText("Limits", 'snoozedUntil: "2026-13-40T00:00:00Z"'),
    /snoozedUntil: is not a date/,
  ],
  ["a mesh in the carrier's range", kindText("Network", "cidr: 100.64.0.0/16"), /cidr: .*100\.64\.0\.0\/10/],
  ["a mesh in Docker's range", kindText("Network", "cidr: 172.17.0.0/16"), /cidr: .*172\.16\.0\.0\/12/],
  ["a public mesh", kindText("Network", "cidr: 8.8.8.0/24"), /cidr: must be private/],
  [
    "host bits in a range",
    kindText("Network", "cidr: 10.1.2.3/16"),
    /cidr: has host bits set; its first address is 10\.1\.0\.0/,
  ],
  ["an interface of 16 characters", kindText("Network", "interface: homie0123456789a"), /interface: is too long/],
  ["a port that does not exist", kindText("Peer", "address: host:99999"), /address: has a port/],
  ["an endpoint without a port", kindText("Peer", "endpoints: [1.2.3.4]"), /endpoints\[0\]: needs a port/],
  [
    "a key of another length",
    kindText("Peer", "wireguardKey: abc"),
    /wireguardKey: is too short: 3 characters, at least 44/,
  ],
];

describe("bad input", () => {
  it.each(refusedTexts)("%s is refused with its place and reason", (_title, text, expected) => {
    const outcome = parseManifests(text, "job.yaml");
    expect(said(outcome.problems[0])).toMatch(expected);
    expect(outcome.documents).toEqual([]);
    expect(JSON.stringify(outcome.problems).length).toBeLessThan(8192);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each([
    ["nothing", ""],
    ["a comment", "# only this\n"],
    ["a document mark", "---\n"],
    ["a mark and a comment", "---\n# c\n"],
  ])("%s is empty and no problem", (_title, text) => {
    expect(parseManifests(text, "f")).toEqual({ documents: [], problems: [], emptyDocuments: 1 });
  });

  it("a Job cut at any byte never throws, and is either refused or a whole Job", () => {
    const whole = jobText(
      script,
      "args: [a, 'b c']",
      "env:",
      '  - {name: A, value: "1"}',
      "resources: {cpu: 500m, memory: 2Gi}",
    );
    for (let end = 0; end < whole.length; end += 1) {
      const { documents, problems, emptyDocuments } = parseManifests(whole.slice(0, end), "f");
      expect(documents.length + Math.min(1, problems.length) + emptyDocuments).toBe(1);
      for (const { manifest } of documents) expect(manifest).toMatchObject({ kind: "Job", metadata: { name: "x" } });
    }
  });

  it("a bad document does not take the good ones of its file with it", () => {
    const text = `${header("a")}---\n${header("B")}---\na: [\n---\n${header("c")}`;
    const { documents, problems } = parseManifests(text, "f");
    expect(documents.map(({ index, manifest }) => [index, manifest.metadata.name])).toEqual([
      [0, "a"],
      [3, "c"],
    ]);
    expect(problems.map(({ document, kind, name }) => [document, kind, name]).slice(0, 2)).toEqual([
      [1, "Job", "B"],
      [2, undefined, undefined],
    ]);
  });

  it("every unknown field is named, not only the first", () => {
    const paths = problemsOf(jobText(script, "foo: 1", "bar: 2", "env: [{name: A, value: a, baz: 1}]")).map(
      ({ path }) => path,
    );
    expect(paths).toEqual(["spec.foo", "spec.bar", "spec.env[0].baz"]);
  });

  it("two wrong values are both reported", () => {
    const paths = problemsOf(jobText(script, "priority: 500", "backoffLimit: many")).map(({ path }) => path);
    expect(paths).toEqual(["spec.priority", "spec.backoffLimit"]);
  });

  it("a message repeats no control characters of the file", () => {
    const text = jobText(script, 'network: "\\e]52;c;aGk=\\a\\u202e"');
    expect(problemsOf(text)).toHaveLength(1);
    // eslint-disable-next-line no-control-regex
    expect(said(problemsOf(text)[0])).not.toMatch(/[\u0000-\u001f\u202e]/);
  });

  it("an edited status is read past, whatever it holds", () => {
    const text = `${jobText(script)}status:\n  phase: Nonsense\n  foo: [1, no, 012]\n`;
    const [document] = parseManifests(text, "f").documents;
    expect(document?.manifest.spec).toEqual({ script: "a.py" });
    expect(document?.mirroredStatus).toEqual({ phase: "Nonsense", foo: [1, "no", 12] });
  });
});
