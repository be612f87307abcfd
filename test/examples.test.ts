import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseManifests } from "../src/resources/parse.ts";
import { readSources, root } from "./support/source-tree.ts";

const files = readSources("{examples,manifests}/**/*.{yaml,yml}");

test("there are examples to check", () => {
  expect(files.length).toBeGreaterThan(3);
});

describe.each(files)("$path", ({ path, text }) => {
  test("begins with the line that gives editors its schema", () => {
    const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? "no such line";
    const target = join(root, dirname(path), schema);
    expect(dirname(target)).toBe(join(root, "schemas"));
    expect(existsSync(target)).toBe(true);
  });

  test("parses without a problem into at least one document", () => {
    const { documents, problems } = parseManifests(text, path);
    expect(problems).toEqual([]);
    expect(documents.length).toBeGreaterThan(0);
  });
});
