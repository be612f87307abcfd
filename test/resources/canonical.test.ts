import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, sameContent } from "../../src/resources/canonical.ts";

const value = fc.jsonValue({ maxDepth: 4 });

test("what is the same content has the same canonical text, and the other way round", () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(sameContent(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
    }),
    { numRuns: 2_000 },
  );
});

test("a copy is the same content, and one with anything changed is not", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), value), fc.string(), value, (fields, name, other) => {
      const turned = Object.fromEntries(Object.entries(structuredClone(fields)).toReversed());
      expect(sameContent(fields, turned)).toBe(true);
      const changed = { ...turned, [name]: other };
      expect(sameContent(fields, changed)).toBe(canonicalJson(fields) === canonicalJson(changed));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: undefined, b: 1 }, { b: 1, c: undefined }, true],
  [[1, undefined], [1, null], true],
  [{}, [], false],
  [{ a: null }, {}, false],
  [undefined, {}, false],
  [undefined, undefined, true],
  [0, -0, true],
  ["1", 1, false],
  [JSON.parse('{"__proto__": {"a": 1}}'), {}, false],
])("%j and %j: %s", (a, b, same) => {
  expect(sameContent(a, b)).toBe(same);
  expect(sameContent(b, a)).toBe(same);
});

test("what JSON has no text for is no content", () => {
  expect(() => sameContent({ a: Number.NaN }, { a: Number.NaN })).toThrow(TypeError);
  expect(() => sameContent({ a: 1n }, { a: 2 })).toThrow(TypeError);
});
