import { describe, expect, it } from "vitest";
import { parseManifests } from "../../src/resources/parse.ts";
import { jobText } from "./samples.ts";

const script = "script: a.py";

describe("good input", () => {
  it.each<readonly [string, string | Uint8Array]>([
    ["CRLF", jobText(script).replaceAll("\n", "\r\n")],
    ["a byte order mark", `\ufeff${jobText(script)}`],
    ["bytes", Buffer.from(`\ufeff${jobText(script, "peer: bob")}`)],
    ["JSON", '{"apiVersion":"homie.dev/v1","kind":"Job","metadata":{"name":"x"},"spec":{"script":"a.py"}}'],
    ["core tags", jobText(script, "args: [!!str 1]")],
    ["a local registry", jobText(script, "image: localhost:5000/team/app:1.0")],
    ["tag and digest", jobText(script, `image: python:3.12@sha256:${"a".repeat(64)}`)],
    ["Docker's units", jobText(script, "resources: {cpu: 1.5, memory: 512m, disk: 4g}")],
    ["numbers in a text", jobText(script, 'resources: {cpu: "2"}')],
    [
      "a place below /work/job",
      jobText(script, "inputs: [{path: a, mountPath: /work/job/a}]", "workingDir: /work/job"),
    ],
    ["the name constructor", jobText(script).replace("name: x", "name: constructor")],
  ])("%s is accepted", (_title, text) => {
    const { documents, problems } = parseManifests(text, "f");
    expect(problems).toEqual([]);
    expect(documents).toHaveLength(1);
  });
});
