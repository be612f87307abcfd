import { describe, expect, test } from "vitest";
import { collisionKey, unsafeNameReason } from "../../src/tar/names.ts";
import { encodePax } from "../../src/tar/pax.ts";
import { archiveOf, collect, rawEntry, readAll, strict } from "./tar-samples.ts";

const body = (text: string): Buffer => Buffer.from(text);
const file = (name: string, text = "x"): Buffer => rawEntry({ name, body: body(text) });
const pax = (records: Record<string, string>): Buffer =>
  rawEntry({ name: "PaxHeaders/x", type: "x", body: encodePax(records) });
const longName = (name: string): Buffer =>
  rawEntry({ name: "././@LongLink", type: "L", magic: "ustar  \u0000", body: body(`${name}\u0000`) });

const badNames = [
  "/etc/x",
  "//x",
  "\\\\?\\C:\\x",
  "C:x",
  "~/.ssh/x",
  "../x",
  "a/../../x",
  "a/..",
  "..\\x",
  ".",
  "./x",
  "a//b",
  "a/./b",
  "new\nline",
  "esc\u001b[2J",
  "nul\u0000x",
  "CON",
  "aux.txt",
  "sub/lpt1",
  "trailing ",
  "trailing.",
  "a:b",
  "c1\u009b",
  "x".repeat(256),
  `${"y/".repeat(32)}z`,
  Array.from({ length: 9 }, () => "z".repeat(120)).join("/"),
  "lone\ud800",
  "",
];

describe("a name", () => {
  test.each(badNames)("%j is unsafe", (name) => {
    expect(unsafeNameReason(name)).toBeTypeOf("string");
  });
  test.each([
    "a",
    "a/b.txt",
    "%2e%2e/x",
    ".hidden",
    "..a",
    "a..b",
    "console",
    "con1",
    "naïve",
    "~backup",
    "a~",
    "x".repeat(255),
  ])("%j is safe", (name) => {
    expect(unsafeNameReason(name)).toBeUndefined();
  });
  test.each([
    ["ABC", "abc"],
    ["é", "e\u0301"],
    ["\ufb01le", "FILE"],
    ["straße", "STRASSE"],
  ])("%s and %s collide", (one, other) => {
    expect(collisionKey(one)).toBe(collisionKey(other));
  });
});

const lies: readonly (readonly [string, Buffer, RegExp])[] = [
  ["a wrong checksum", Buffer.concat([Buffer.from(file("a")).fill("z", 0, 1), Buffer.alloc(1024)]), /checksum/],
  ["a size that is no number", archiveOf(rawEntry({ size: "0000000000x\u0000" })), /not a number/],
  ["a negative base-256 size", archiveOf(rawEntry({ size: "\u00ff".repeat(12) })), /not a number/],
  [
    "a size of 8 EiB",
    archiveOf(rawEntry({ size: `\u0080\u0000\u0000\u0000\u007f${"\u00ff".repeat(7)}` })),
    /overflows/,
  ],
  ["the same path twice", archiveOf(file("a"), file("a")), /twice/],
  ["a file, then a directory of its name", archiveOf(file("a"), rawEntry({ name: "a/", type: "5" })), /twice/],
  ["a file below a file", archiveOf(file("a"), file("a/b")), /below a file/],
  ["a file where a directory is", archiveOf(file("a/b"), file("a")), /cannot both be there/],
  ["a file below a link", archiveOf(rawEntry({ name: "a", type: "2" }), file("a/b")), /below a link|symbolic/],
  ["a pax path that disagrees", archiveOf(pax({ path: "other" }), file("a")), /calls it/],
  ["a pax size that disagrees", archiveOf(pax({ size: "2" }), file("a")), /size differs/],
  ["a pax size where none is needed", archiveOf(pax({ size: "2" }), file("a", "")), /size differs/],
  ["a pax link target on a file", archiveOf(pax({ linkpath: "/etc" }), file("a")), /no link/],
  ["a NUL in a pax path", archiveOf(pax({ path: "a\u0000b" }), file("a")), /NUL/],
  [
    "a pax record of a wrong length",
    archiveOf(rawEntry({ type: "x", body: body("99 path=a\n") }), file("a")),
    /wrong length/,
  ],
  [
    "pax metadata over 64 KiB",
    archiveOf(rawEntry({ type: "x", body: Buffer.alloc(70_000) }), file("a")),
    /metadata is larger/,
  ],
  ["two pax headers in a row", archiveOf(pax({ mtime: "1" }), pax({ mtime: "1" }), file("a")), /twice/],
  ["a global pax header", archiveOf(rawEntry({ type: "g", body: encodePax({ path: "a" }) }), file("a")), /type "g"/],
  ["a GNU long name of 1 MB", archiveOf(longName("n".repeat(1_000_000)), file("a")), /metadata is larger/],
  ["a GNU long name that disagrees", archiveOf(longName("other"), file("a")), /calls it/],
  ["a GNU sparse file", archiveOf(rawEntry({ type: "S" })), /type "S"/],
  ["a pax sparse file", archiveOf(pax({ "GNU.sparse.major": "1" }), file("a")), /sparse/],
  ["a multi-volume entry", archiveOf(rawEntry({ type: "M" })), /type "M"/],
  ["an unknown type", archiveOf(rawEntry({ type: "Z" })), /type "Z"/],
  ["a directory with a body", archiveOf(rawEntry({ name: "d/", type: "5", body: body("x") })), /only a file/],
  ["a file named like a directory", archiveOf(file("d/")), /name of a directory/],
  ["no end blocks", file("a"), /without end blocks/],
  [
    "a single end block",
    Buffer.concat([file("a"), Buffer.alloc(512), file("b"), Buffer.alloc(1024)]),
    /single zero block/,
  ],
  ["garbage after the end", Buffer.concat([archiveOf(file("a")), body("hidden")]), /after the end/],
  ["an endless end", Buffer.concat([archiveOf(file("a")), Buffer.alloc(2 * 1024 * 1024)]), /no end/],
  ["a gzip stream", Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), Buffer.alloc(2000)]), /checksum|neither/],
  ["metadata and then the end", archiveOf(pax({ path: "a" })), /ends after a metadata/],
];

describe("an archive with", () => {
  test.each(lies)("%s is refused in both modes", async (_title, archive, rule) => {
    for (const limits of [strict, collect]) {
      await expect(readAll(archive, limits)).rejects.toMatchObject({
        code: "TarRejected",
        message: expect.stringMatching(rule),
      });
    }
  });

  test("more entries than allowed is refused", async () => {
    const archive = archiveOf(file("a"), file("b"), file("c"));
    const refusal = { code: "TooLarge", message: expect.stringMatching(/more than 2 entries/) };
    await expect(readAll(archive, { ...strict, maxEntries: 2 })).rejects.toMatchObject(refusal);
  });

  test("a size over the limit is refused at the header, before the bytes", async () => {
    const archive = archiveOf(rawEntry({ size: "00077777777\u0000" }));
    const refusal = { code: "TooLarge", message: expect.stringMatching(/larger than 1000000/) };
    for (const limits of [strict, collect]) await expect(readAll(archive, limits)).rejects.toMatchObject(refusal);
  });
});

const oddities: readonly (readonly [string, Buffer, { kind: string; reason: string }])[] = [
  ["a symbolic link", rawEntry({ name: "odd", type: "2" }), { kind: "link", reason: "symbolic link" }],
  ["a hard link", rawEntry({ name: "odd", type: "1" }), { kind: "link", reason: "hard link" }],
  ["a device", rawEntry({ name: "odd", type: "3" }), { kind: "other", reason: "character device" }],
  ["a FIFO", rawEntry({ name: "odd", type: "6" }), { kind: "other", reason: "FIFO" }],
  ["a contiguous file", rawEntry({ name: "odd", type: "7" }), { kind: "other", reason: "contiguous file" }],
  ["a parent path", file("../odd"), { kind: "other", reason: 'the path has a ".." component' }],
  ["an absolute path", file("/odd"), { kind: "other", reason: "the path is absolute" }],
  [
    "a name that is not UTF-8",
    rawEntry({ name: Buffer.from([0xff]) }),
    { kind: "other", reason: "the name is not valid UTF-8" },
  ],
];

describe("in an otherwise honest archive", () => {
  test.each(oddities)("%s is refused when strict and reported when collecting", async (_title, odd, expected) => {
    const archive = archiveOf(odd, file("good", "kept"));
    await expect(readAll(archive, strict)).rejects.toMatchObject({ code: "TarRejected" });
    const [first, second] = await readAll(archive, collect);
    expect(first).toMatchObject(expected);
    expect(second).toMatchObject({ path: "good", kind: "file", text: "kept" });
  });

  test("two names that are not UTF-8 are two entries", async () => {
    const archive = archiveOf(rawEntry({ name: Buffer.from([0xff]) }), rawEntry({ name: Buffer.from([0xfe]) }));
    expect(await readAll(archive, collect)).toHaveLength(2);
  });

  test("names that differ in case only: the second is reported", async () => {
    const [, second] = await readAll(archiveOf(file("a"), file("A")), collect);
    expect(second).toMatchObject({ kind: "other", reason: expect.stringMatching(/case or composition/) });
    await expect(readAll(archiveOf(file("a"), file("A")), strict)).rejects.toThrow(/case or composition/);
  });

  test.each([
    ["a file and a directory above another file", "A", "a/b"],
    ["a directory above a file, and a file", "a/b", "A"],
    ["two directories that are only spoken of", "A/x", "a/y"],
    ["directories deep down", "d/É/x", "d/e\u0301/y"],
  ])("%s, with names that differ in case or composition only: the second is reported", async (_title, one, other) => {
    const archive = archiveOf(file(one), file(other), file("good"));
    const [first, second, third] = await readAll(archive, collect);
    expect([first?.kind, second?.kind, third?.kind]).toEqual(["file", "other", "file"]);
    expect(second?.reason).toMatch(/case or composition/);
    await expect(readAll(archive, strict)).rejects.toThrow(/case or composition/);
  });

  test("a directory may come after what lies in it", async () => {
    const archive = archiveOf(file("d/a"), rawEntry({ name: "d/", type: "5" }), file("d/b"));
    for (const limits of [strict, collect]) expect(await readAll(archive, limits)).toHaveLength(3);
  });

  test("set-id bits never survive", async () => {
    const [entry] = await readAll(archiveOf(rawEntry({ name: "s", mode: "0006777\u0000" })), strict);
    expect(entry?.mode).toBe(0o755);
  });
});
