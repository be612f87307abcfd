import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileGlob } from "../../../src/adapters/outputs/glob.ts";

describe("a glob", () => {
  test.each<readonly [glob: string, matching: readonly string[], other: readonly string[]]>([
    ["model.pkl", ["model.pkl"], ["modelXpkl", "a/model.pkl", "model.pkl2"]],
    ["*.pkl", ["a.pkl", ".pkl", ".hidden.pkl"], ["a/b.pkl", "a.pkl.bak"]],
    ["a*c", ["ac", "abc", "a*c"], ["abcd", "a/c"]],
    ["?", ["a", "é", "🚀"], ["", "ab", "/"]],
    ["**", ["a", "a/b", ".a/.b"], []],
    ["**/a", ["a", "x/a", "x/y/a"], ["xa", "a/x"]],
    ["a/**", ["a/b", "a/b/c"], ["a", "ab", "b/a"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "a/b/x"]],
    ["a**b", ["ab", "axb"], ["a/b"]],
    ["[abc]", ["a", "c"], ["d", "", "[abc]"]],
    ["[a-c]x", ["bx"], ["dx", "-x"]],
    ["[!a-c]", ["d"], ["b", "/"]],
    ["[^a]", ["b"], ["a"]],
    ["[]]", ["]"], ["a"]],
    ["[a", ["[a"], ["a"]],
    ["[]", ["[]"], [""]],
    ["{a,bc}.log", ["a.log", "bc.log"], ["b.log", "{a,bc}.log"]],
    ["{a/**,b*}/x", ["a/q/x", "bb/x"], ["a/q/y", "c/x"]],
    ["{**/a,b}", ["a", "x/a", "b"], ["x/b"]],
    ["a{,.b}", ["a", "a.b"], ["a."]],
    ["{a}", ["{a}"], ["a"]],
    ["{a,b", ["{a,b"], ["a"]],
    ["plot (1)+$^.|a", ["plot (1)+$^.|a"], ["plot 1"]],
  ])("%s", (glob, matching, other) => {
    const matches = compileGlob(glob);
    for (const path of matching) expect([path, matches(path)]).toEqual([path, true]);
    for (const path of other) expect([path, matches(path)]).toEqual([path, false]);
  });

  test("without wildcards matches itself and nothing else", () => {
    const plain = fc.string({ unit: fc.constantFrom(..."ab.+()|^$ /-".split("")), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(plain, plain, (glob, path) => {
        expect(compileGlob(glob)(glob)).toBe(true);
        expect(compileGlob(glob)(path)).toBe(glob === path);
      }),
    );
  });

  test("made of a name by putting stars in place of its parts matches that name", () => {
    const part = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(part, fc.boolean()), { minLength: 1, maxLength: 6 }), (parts) => {
        const glob = parts.map(([text, isStar]) => (isStar ? "*" : text)).join("");
        expect(compileGlob(glob)(parts.map(([text]) => text).join(""))).toBe(true);
      }),
    );
  });
});
