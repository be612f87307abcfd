import { refused, taken, withLines, type YamlCase } from "./case.ts";

const good = withLines("args: [new]");
const arrived = { script: "a.py", args: ["new"] };
const mebibyte = 1024 * 1024;

/** Y-01 to Y-11: what is wrong before anybody looks at fields. */
export const textCases: readonly YamlCase[] = [
  refused("Y-01", "nothing at all", "", /^1:1 .*empty/),
  refused("Y-01", "only comments", "# later\n\n# maybe\n", /^1:1 .*empty/),
  refused("Y-01", "only a document mark", "---\n", /^1:1 .*empty/),
  refused("Y-01", "a mark and a comment", "---\n# gone\n", /^1:1 .*empty/),
  refused("Y-01", "only blank lines", "\n \n\n", /^1:1 .*empty/),
  refused("Y-03", "a NUL byte in the middle", good.replace("a.py", "a\0.py"), /^6:12 .*NUL/),
  refused("Y-03", "zeros of the right length", () => new Uint8Array(good.length), /^1:1 .*NUL.*crash/),
  refused("Y-03", "zeros from a page on", () => `${good}# ${"x".repeat(4096)}${"\0".repeat(512)}`, /NUL/),
  taken("Y-04", "a byte order mark", `\ufeff${good}`, arrived),
  refused("Y-04", "UTF-16 with a mark", Buffer.from(`\ufeff${good}`, "utf16le"), /UTF-16, not UTF-8/),
  refused("Y-04", "UTF-16 without a mark", Buffer.from(good, "utf16le"), /UTF-16, not UTF-8/),
  refused("Y-04", "UTF-16, large end first", Buffer.from(`\ufeff${good}`, "utf16le").swap16(), /UTF-16, not UTF-8/),
  refused("Y-04", "UTF-32", new Uint8Array([0xff, 0xfe, 0, 0, 65, 0, 0, 0]), /UTF-32, not UTF-8/),
  refused("Y-04", "Latin-1", Buffer.from(withLines("args: [caf\u00e9]"), "latin1"), /^7:13 .*Latin-1/),
  refused(
    "Y-04",
    "a lone surrogate",
    () => Buffer.concat([Buffer.from(good), Buffer.from([0xed, 0xa0, 0x80])]),
    /^8:1 .*not valid UTF-8/,
  ),
  refused("Y-04", "an overlong slash", () => Buffer.concat([Buffer.from(good), Buffer.from([0xc0, 0xaf])]), /UTF-8/),
  taken("Y-05", "CRLF", good.replaceAll("\n", "\r\n"), arrived),
  taken("Y-05", "a mix of line ends", good.replace("kind: Job\n", "kind: Job\r\n"), arrived),
  refused("Y-05", "a tab for indent", good.replace("  name", "\tname"), /^4:1 .*[Tt]ab.*indent with spaces/),
  refused("Y-05", "a tab under spec", good.replace("  args", "\targs"), /^7:1 .*[Tt]ab/),
  refused("Y-05", "a no-break space for indent", good.replace("  args", "\u00a0\u00a0args"), /^7:1 /),
  refused("Y-05", "a no-break space after a colon", good.replace("script: ", "script:\u00a0"), /^6:/),
  refused("Y-06", "spec twice", `${good}spec: {script: b.py}\n`, /^8:1 spec: "spec" is there twice/),
  refused("Y-06", "a field of spec twice", withLines("script: b.py"), /^7:3 spec\.script: "script" is there twice/),
  refused("Y-06", "a field twice, once in quotes", withLines('"script": b.py'), /"script" is there twice/),
  refused("Y-06", "a field twice in status", `${good}status: {a: 1, a: 2}\n`, /status\.a: "a" is there twice/),
  refused("Y-07", "billion laughs", () => billionLaughs(), /anchors \(&a\) are not allowed/),
  refused("Y-07", "quadratic aliases", () => quadraticAliases(), /anchors|words and marks/),
  refused("Y-07", "an anchor that contains itself", withLines("args: &a [*a]"), /anchors \(&a\) are not allowed/),
  refused("Y-07", "an alias of nothing", withLines("args: [*nobody]"), /^7:10 /),
  refused("Y-07", "an anchor of 100,000 characters", () => withLines(`args: &${"a".repeat(100_000)} [b]`), /anchors/),
  refused("Y-08", "100,000 lists in each other", () => "[".repeat(100_000), /nested deeper than 64/),
  refused("Y-08", "100,000 maps in each other", () => "{a: ".repeat(100_000), /nested deeper than 64/),
  refused("Y-08", "100,000 dashes", () => "- ".repeat(100_000), /nested deeper than 64/),
  refused("Y-08", "100,000 questions", () => "? ".repeat(100_000), /nested deeper than 64/),
  refused("Y-08", "300 maps by indent", () => indented(300), /nested deeper than 64/),
  refused("Y-08", "200 lists below status", () => `${good}status: ${"[".repeat(200)}`, /nested deeper than 64/),
  refused("Y-09", "2 MiB", () => "#".repeat(2 * mebibyte), /has 2097152 bytes; at most 1048576/),
  refused("Y-09", "one byte over 1 MiB", () => `${good}#${"x".repeat(mebibyte - good.length)}`, /at most 1048576/),
  taken("Y-09", "a comment up to 1 MiB", () => `${good}#${"x".repeat(mebibyte - good.length - 1)}`, arrived),
  refused("Y-09", "1,000 documents", () => `---\n${good}`.repeat(1000), /more than 100 documents/),
  refused("Y-09", "1,000 documents of nothing", () => "---\n".repeat(1000), /more than 100 documents/),
  refused("Y-09", "1 MiB of fields", () => "a: b\n".repeat(200_000), /more than 50000 words and marks/),
  refused("Y-09", "1 MiB of quotes that never end", () => `a: "${"x\n".repeat(500_000)}`, /not YAML|must be/),
  refused("Y-09", "1 MiB of one word", () => "x".repeat(mebibyte), /must be a map of fields/),
  refused("Y-10", "a function tag", withLines("args: [!!js/function 'x']"), /^7:24 .*js\/function" is not allowed/),
  refused("Y-10", "a binary tag", withLines("args: [!!binary aGk=]"), /args\[0\]: the tag .*binary" is not allowed/),
  refused("Y-10", "a set tag", withLines("args: !!set {b}"), /args: the tag .*set" is not allowed/),
  refused("Y-10", "a timestamp tag", withLines("args: [!!timestamp 2026-01-01]"), /timestamp" is not allowed/),
  refused("Y-10", "a tag of Python", withLines("args: [!!python/object/apply:os.system [ls]]"), /is not allowed/),
  refused("Y-10", "a tag of one's own", withLines("args: [!mine b]"), /the tag "!mine" is not allowed/),
  refused("Y-10", "a tag directive", `%TAG ! tag:x,2000:\n---\n${good}`, /^2:1 .*tag directives are not allowed/),
  refused("Y-10", "YAML 1.1", `%YAML 1.1\n---\n${good}`, /^2:1 .*YAML 1\.1 is not read/),
  taken("Y-10", "tags of the core schema", withLines("args: [!!str 1]"), { script: "a.py", args: ["1"] }),
  refused("Y-11", "a merge key", `${good}<<: {a: 1}\n`, /^8:1 .*merge keys/),
  refused("Y-11", "a merge key below spec", withLines("<<: {image: evil}"), /spec\["<<"\]: merge keys/),
];

function billionLaughs(): string {
  const levels = "bcdefghi".split("").map((name, at) => {
    const below = String.fromCharCode("a".charCodeAt(0) + at);
    return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${below}`).join(",")}]`;
  });
  return ["a: &a [lol]", ...levels, ""].join("\n");
}

function quadraticAliases(): string {
  return `a: &a ${"x".repeat(50_000)}\nb: [${"*a,".repeat(10_000)}]\n`;
}

function indented(depth: number): string {
  return Array.from({ length: depth }, (_, at) => `${" ".repeat(at)}a:\n`).join("");
}
