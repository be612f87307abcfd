import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/resources/canonical.ts";
import { parseImageReference } from "../../src/resources/image-reference.ts";
import { findKind, kindEntry, kinds } from "../../src/resources/kinds.ts";
import { formatBytes, formatCpu, parseBytes, parseCpu } from "../../src/resources/quantities.ts";
import { parseFieldSelector, parseLabelSelector } from "../../src/resources/selectors.ts";
import { suggest } from "../../src/resources/suggest.ts";

describe("quantities", () => {
  it.each([
    ["500m", 0.5],
    [2, 2],
    ["2", 2],
    ["1.5", 1.5],
    [0.25, 0.25],
    ["0.001", 0.001],
    ["", undefined],
    ["m", undefined],
    ["-1", undefined],
    [-1, undefined],
    [0, undefined],
    ["0", undefined],
    [NaN, undefined],
    [Infinity, undefined],
    ["1e3", undefined],
    ["2 cores", undefined],
    ["500M", undefined],
    [null, undefined],
    [[1], undefined],
  ])("cpu %j is %j cores", (quantity, cores) => {
    expect(parseCpu(quantity)).toBe(cores);
  });

  it.each([
    [1024, 1024],
    ["1024", 1024],
    ["1Ki", 1024],
    ["4Gi", 4 * 2 ** 30],
    ["4G", 4e9],
    ["4g", 4 * 2 ** 30],
    ["512m", 512 * 2 ** 20],
    ["512M", 512e6],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["2Ti", 2 ** 41],
    ["2T", 2e12],
    ["100k", 102_400],
    ["100K", 100_000],
    ["1b", 1],
    ["", undefined],
    ["4gg", undefined],
    ["-4g", undefined],
    ["0", undefined],
    [0, undefined],
    [1.5, undefined],
    ["4 Gi", undefined],
    ["9999999t", undefined],
    ["1e9", undefined],
    ["4GI", undefined],
    ["Gi", undefined],
    [NaN, undefined],
    [{}, undefined],
  ])("size %j is %j bytes", (quantity, bytes) => {
    expect(parseBytes(quantity)).toBe(bytes);
  });

  it.each([
    [0, "0"],
    [1, "1"],
    [1023, "1023"],
    [1024, "1Ki"],
    [1536, "1.5Ki"],
    [2 ** 20 - 1, "1Mi"],
    [4 * 2 ** 30, "4Gi"],
    [2 ** 50, "1024Ti"],
  ])("%j bytes are shown as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [2, "2"],
    [1.5, "1.5"],
    [0.25, "250m"],
    [0.001, "1m"],
  ])("%j cores are shown as %s", (cores, text) => {
    expect(formatCpu(cores)).toBe(text);
  });

  it("what is shown reads back within a twentieth", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 50 }), (bytes) => {
        expect(Math.abs((parseBytes(formatBytes(bytes)) ?? 0) - bytes)).toBeLessThanOrEqual(bytes / 20);
      }),
    );
  });
});

describe("kinds", () => {
  it.each([
    ["job", "Job"],
    ["Jobs", "Job"],
    ["j", "Job"],
    ["JOB", "Job"],
    ["jobs.homie.dev", "Job"],
    ["jobs.v1.homie.dev", "Job"],
    ["limits", "Limits"],
    ["peer", "Peer"],
    ["nets", undefined],
    ["network", "Network"],
    ["attempts", "Attempt"],
  ])("%s means %j", (word, kind) => {
    const found = findKind(word);
    expect(found.ok ? found.entry.kind : undefined).toBe(kind);
  });

  it("a word that is close gets a suggestion, another one the list", () => {
    expect(findKind("pers")).toEqual({ ok: false, message: 'no kind is called "pers"', hint: 'did you mean "peers"?' });
    expect(findKind("zzzzz")).toMatchObject({ hint: "known kinds: jobs, limits, networks, peers, attempts" });
  });

  it("no word means two kinds", () => {
    const words = kinds.flatMap(({ plural, singular, shortNames }) => [...new Set([plural, singular, ...shortNames])]);
    expect(new Set(words).size).toBe(words.length);
    expect(kindEntry("Attempt")).toMatchObject({ declared: false, listKind: "AttemptList" });
  });
});

describe("suggest", () => {
  it.each([
    ["imgae", "image"],
    ["IMAGE", "image"],
    ["scrpit", "script"],
    ["comand", "command"],
    ["scr", "script"],
    ["x", undefined],
    ["", undefined],
    ["unrelated", undefined],
  ])("%s → %j", (word, meant) => {
    expect(suggest(word, ["image", "script", "command"])).toBe(meant);
  });
});

describe("canonicalJson", () => {
  it("does not depend on the order of keys, and reads back equal", () => {
    expect(canonicalJson({ b: [1, { d: 1, c: undefined }], a: "x" })).toBe('{"a":"x","b":[1,{"d":1}]}');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (value) => {
        const turned = Object.fromEntries(Object.entries(value).toReversed());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("refuses what has no text", () => {
    expect(() => canonicalJson({ a: NaN })).toThrow(TypeError);
    expect(() => canonicalJson(() => 1)).toThrow(TypeError);
  });
});

describe("image references", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  it.each([
    ["python", { repository: "python" }],
    ["python:3.12-slim", { repository: "python", tag: "3.12-slim" }],
    ["localhost:5000/x", { domain: "localhost:5000", repository: "x" }],
    ["ghcr.io/a/b__c:v1", { domain: "ghcr.io", repository: "a/b__c", tag: "v1" }],
    [`team/app:1@${digest}`, { repository: "team/app", tag: "1", digest }],
  ])("%s is read", (text, reference) => {
    expect(parseImageReference(text)).toEqual({ ok: true, reference });
  });

  it.each([
    "",
    "a b",
    "-x",
    "http://a/b",
    "A",
    "a//b",
    "a:",
    "a@b",
    `a@${digest}@${digest}`,
    "a___b",
    ".a",
    "-a.com/x",
    "a/b:c:d",
    "x".repeat(600),
  ])("%j is refused", (text) => {
    expect(parseImageReference(text).ok).toBe(false);
  });
});

describe("label selectors", () => {
  const labels = { app: "web", tier: "db", "homie.dev/zone": "a", empty: "" };
  it.each([
    ["", true],
    ["app=web", true],
    ["app==web", true],
    ["app=db", false],
    ["app!=db", true],
    ["none!=x", true],
    ["app", true],
    ["none", false],
    ["!none", true],
    ["!app", false],
    ["app in (web, api)", true],
    ["app in (api)", false],
    ["none in (a)", false],
    ["app notin (api)", true],
    ["none notin (api)", true],
    ["app=web,tier in (db,cache),!none", true],
    ["app=web,tier=x", false],
    ["homie.dev/zone=a", true],
    ["empty=", true],
    ["toString", false],
    ["constructor!=x", true],
    ["app  in(web)", true],
  ])("%s selects: %j", (text, selected) => {
    expect(parseLabelSelector(text)(labels)).toBe(selected);
  });

  it.each([
    "app=a=b",
    "app in web",
    "app in (a",
    "=x",
    "a,,b",
    ",",
    "a b",
    "app in ((a))",
    "a=?",
    "!",
    "x".repeat(5000),
  ])("%s is a bad request", (text) => {
    expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ code: "BadRequest" }));
  });

  it("an object without labels is selected only by what asks for none", () => {
    expect(parseLabelSelector("app=web")(undefined)).toBe(false);
    expect(parseLabelSelector("!app")(undefined)).toBe(true);
  });
});

describe("field selectors", () => {
  const job = { metadata: { name: "x" }, status: { phase: "Running", attempt: 2 } };
  it.each([
    ["", true],
    ["metadata.name=x", true],
    ["metadata.name==y", false],
    ["status.phase!=Failed", true],
    ["status.attempt=2", true],
    ["status.phase=Running,metadata.name=x", true],
    ["status.nothing=", true],
    ["status.nothing=a", false],
    ["status.toString=", true],
  ])("%s selects: %j", (text, selected) => {
    expect(parseFieldSelector(text)(job)).toBe(selected);
  });

  it.each(["status.phase", "=x", "a b=c", "a..b=c", "a=1,,b=2"])("%s is a bad request", (text) => {
    expect(() => parseFieldSelector(text)).toThrow(expect.objectContaining({ code: "BadRequest" }));
  });
});
