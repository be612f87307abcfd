import { describe, expect, test } from "vitest";
import { argvForScript } from "../../../src/adapters/project/interpreters.ts";

const cases: readonly (readonly [string, string, string])[] = [
  ["train.py", "", "python3 train.py"],
  ["a/b.PY", "", "python3 a/b.PY"],
  ["x.js", "", "node x.js"],
  ["x.mjs", "", "node x.mjs"],
  ["x.cjs", "", "node x.cjs"],
  ["x.ts", "", "node x.ts"],
  ["x.sh", "", "sh x.sh"],
  ["x.sh", "#!/bin/bash", "bash x.sh"],
  ["x.sh", "#!/usr/bin/env bash", "bash x.sh"],
  ["x.sh", "#!/bin/sh", "sh x.sh"],
  ["x.rb", "", "ruby x.rb"],
  ["x.pl", "", "perl x.pl"],
  ["x.php", "", "php x.php"],
  ["tool", "#!/usr/bin/env python3", "python3 tool"],
  ["tool", "#!/usr/bin/env -S awk -f", "awk -f tool"],
  ["tool", "#! /usr/bin/perl -w", "perl -w tool"],
  ["-c", "#!/bin/sh", "sh ./-c"],
];

describe("a script", () => {
  test.each(cases)("%s with first line %j runs as %s", (script, firstLine, expected) => {
    expect(argvForScript(script, firstLine, ["--epochs", "3"])).toEqual([...expected.split(" "), "--epochs", "3"]);
  });

  test.each([
    ["notes.txt", "hello"],
    ["tool", ""],
    ["tool", "#!"],
    ["tool", "#!/usr/bin/env"],
  ])("%s with first line %j is refused with a hint", (script, firstLine) => {
    expect(() => argvForScript(script, firstLine, [])).toThrow(
      expect.objectContaining({ code: "Usage", hint: expect.stringContaining("#!") }),
    );
  });
});
