import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../src/adapters/files/config.ts";
import { parseManifests } from "../src/resources/parse.ts";
import { readSources, root } from "./support/source-tree.ts";

const everything = readSources("{examples,manifests}/**/*.{yaml,yml}");
/** Who a machine is; every other file declares resources. */
const configs = everything.filter(({ path }) => path.endsWith("/config.yaml"));
const files = everything.filter((file) => !configs.includes(file));

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

test.each(configs)("$path is read without a warning and holds no key that homie does not know", ({ path, text }) => {
  const config = parseConfig(text, path);
  expect([config.warnings, config.unknown]).toEqual([[], {}]);
});

test("the machines of examples/lan-crew know one secret and have each a name", () => {
  const crew = configs
    .filter(({ path }) => path.startsWith("examples/lan-crew/"))
    .map(({ path, text }) => parseConfig(text, path));
  expect(crew.map(({ name }) => name)).toEqual(["alice", "bob"]);
  const [secret, ...others] = crew.map(({ groupSecret }) => groupSecret);
  expect(secret).toBeTypeOf("string");
  expect(others).toEqual([secret]);
});
