import { gzipSync } from "node:zlib";
import { encodePax } from "../../../src/tar/pax.ts";
import { archiveOf, rawEntry } from "../../tar/tar-samples.ts";
import { body, directory, file, kept, lie, longName, named, pax, skipped, type TarCase } from "./case.ts";

const link = (type: "1" | "2", name = "l"): Buffer => rawEntry({ name, type });
const typed =
  (type: string): (() => Buffer) =>
  (): Buffer =>
    archiveOf(rawEntry({ name: "odd", type }));

/** T-01, T-02, T-09, T-13: names. */
const nameCases: readonly TarCase[] = [
  skipped("T-01", "/etc/x", file("/etc/x"), /absolute/),
  skipped("T-01", "//x", file("//x"), /absolute/),
  skipped("T-01", "a UNC path", file("\\\\?\\C:\\x"), /backslash/),
  skipped("T-01", "a drive", file("C:x"), /colon/),
  skipped("T-01", "a home", file("~/.ssh/x"), /starts with ~/),
  skipped("T-02", "../x", file("../x"), /"\.\." component/),
  skipped("T-02", "a/../../x", file("a/../../x"), /"\.\." component/),
  skipped("T-02", "a/..", file("a/.."), /"\.\." component/),
  skipped("T-02", "..\\x", file("..\\x"), /backslash/),
  skipped("T-02", "a directory ../", directory("../"), /"\.\." component/),
  skipped("T-02", "../x by pax", named(`${"a/".repeat(60)}${"../".repeat(61)}x`), /"\.\." component|deeper/),
  kept("T-02", "an encoded ..", [file("%2e%2e/x")], ["%2e%2e/x"]),
  skipped("T-09", "a name of 256 bytes", named("n".repeat(256)), /longer than 255/),
  skipped("T-09", "a name of 256 bytes in 86 characters", named("日".repeat(86)), /longer than 255/),
  skipped(
    "T-09",
    "a path of 1,030 bytes",
    named(Array.from({ length: 10 }, () => "p".repeat(102)).join("/")),
    /longer than 1024/,
  ),
  skipped("T-09", "33 levels", named(`${"d/".repeat(32)}f`), /deeper than 32/),
  kept("T-09", "a name of 255 bytes", [named("n".repeat(255))], ["n".repeat(255)]),
  kept("T-09", "32 levels", [named(`${"d/".repeat(31)}f`)], [`${"d/".repeat(31)}f`]),
  skipped("T-13", "no name", file(""), /empty/),
  skipped("T-13", "a component without a name", file("a//b"), /empty component/),
  skipped("T-13", ". in the middle", file("a/./b"), /"\." component/),
  skipped("T-13", "a newline", file("a\nb"), /control character/),
  skipped("T-13", "an escape sequence", file("\u001b]0;owned\u0007"), /control character/),
  skipped("T-13", "an 8-bit escape", file("a\u009b31m"), /control character/),
  skipped("T-13", "a byte that is no UTF-8", file(Buffer.from([0x61, 0xff])), /not valid UTF-8/),
  skipped("T-13", "a lone surrogate", file(Buffer.from([0xed, 0xa0, 0x80])), /not valid UTF-8/),
  skipped("T-13", "CON", file("CON"), /device name/),
  skipped("T-13", "aux.txt", file("aux.txt"), /device name/),
  skipped("T-13", "a trailing space", file("a "), /space or a dot/),
  skipped("T-13", "a trailing dot", file("a."), /space or a dot/),
  skipped("T-13", "a stream of NTFS", file("a:b"), /colon/),
  lie("T-13", "a NUL in a long name", () => archiveOf(longName("a\0b"), file("a")), /NUL/),
];

/** T-03, T-04, T-07, T-08: what is no plain file, or takes another's place. */
const kindCases: readonly TarCase[] = [
  skipped("T-03", "a symbolic link", link("2"), /symbolic link/),
  skipped("T-03", "a hard link", link("1"), /hard link/),
  skipped(
    "T-03",
    "a link to what lies above",
    Buffer.concat([rawEntry({ name: "K", type: "K", magic: "ustar  \u0000", body: body("../../etc\0") }), link("2")]),
    /symbolic link/,
  ),
  lie(
    "T-03",
    "a link, then a file through it",
    () => archiveOf(link("2", "d"), file("d/passwd")),
    /below a link|symbolic link/,
  ),
  lie("T-03", "a link, then a file of its name", () => archiveOf(link("2", "f"), file("f")), /twice|symbolic link/),
  lie("T-03", "a file, then a link of its name", () => archiveOf(file("f"), link("2", "f")), /twice/),
  lie(
    "T-03",
    "a link with a body",
    () => archiveOf(rawEntry({ name: "l", type: "2", body: body("x") })),
    /only a file/,
  ),
  lie(
    "T-03",
    "a file with a link's target",
    () => archiveOf(pax({ linkpath: "/etc/passwd" }), file("f")),
    /is no link/,
  ),
  skipped("T-04", "a character device", rawEntry({ name: "odd", type: "3" }), /character device/),
  skipped("T-04", "a block device", rawEntry({ name: "odd", type: "4" }), /block device/),
  skipped("T-04", "a FIFO", rawEntry({ name: "odd", type: "6" }), /FIFO/),
  skipped("T-04", "a contiguous file", rawEntry({ name: "odd", type: "7" }), /contiguous/),
  lie("T-04", "a GNU sparse file", typed("S"), /type "S"/),
  lie("T-04", "a multi-volume piece", typed("M"), /type "M"/),
  lie("T-04", "a volume label", typed("V"), /type "V"/),
  lie("T-04", "a directory dump", typed("D"), /type "D"/),
  lie("T-04", "a Solaris ACL", typed("A"), /type "A"/),
  lie("T-04", "an unknown type", typed("Z"), /type "Z"/),
  lie("T-04", "a pax sparse file", () => archiveOf(pax({ "GNU.sparse.major": "1" }), file("a")), /sparse/),
  lie("T-07", "the same path twice", () => archiveOf(file("a"), file("a", "y")), /twice/),
  lie("T-07", "a file, then a directory of its name", () => archiveOf(file("a"), directory("a/")), /twice/),
  lie("T-07", "a directory, then a file of its name", () => archiveOf(directory("a/"), file("a")), /twice/),
  lie("T-07", "a file, then a file below it", () => archiveOf(file("a"), file("a/b")), /below a file/),
  {
    id: "T-08",
    title: "ABC and abc",
    archive: () => archiveOf(file("ABC"), file("abc")),
    strict: /case or composition/,
    collected: ["ABC"],
  },
  {
    id: "T-08",
    title: "NFC and NFD",
    archive: () => archiveOf(file("\u00e9"), file("e\u0301")),
    strict: /case or composition/,
    collected: ["\u00e9"],
  },
  {
    id: "T-08",
    title: "a ligature and its letters",
    archive: () => archiveOf(file("\ufb01"), file("fi")),
    strict: /case or composition/,
    collected: ["\ufb01"],
  },
];

const giant =
  (octal: string): (() => Buffer) =>
  (): Buffer =>
    archiveOf(rawEntry({ name: "big", size: octal }));
const huge = `\u0080\u0000\u0000\u0000\u007f${"\u00ff".repeat(7)}`;

/** T-05, T-06, T-10, T-11, T-12: numbers, metadata and the whole. */
const bytesCases: readonly TarCase[] = [
  lie("T-05", "a pax path that disagrees", () => archiveOf(pax({ path: "other" }), file("a")), /calls it/),
  lie("T-05", "a pax size that disagrees", () => archiveOf(pax({ size: "2" }), file("a")), /size differs/),
  lie("T-05", "a pax size that is none", () => archiveOf(pax({ size: "-1" }), file("a")), /not a size/),
  lie("T-05", "a NUL in a pax path", () => archiveOf(pax({ path: "a\u0000b" }), file("a")), /NUL/),
  lie("T-05", "a NUL in a pax key", () => archiveOf(pax({ "pa\u0000th": "b" }), file("a")), /NUL/),
  lie(
    "T-05",
    "a pax record twice",
    () =>
      archiveOf(
        rawEntry({ type: "x", body: Buffer.concat([encodePax({ path: "a" }), encodePax({ path: "b" })]) }),
        file("a"),
      ),
    /twice/,
  ),
  lie(
    "T-05",
    "an escape sequence as a pax key, twice",
    () =>
      archiveOf(
        rawEntry({
          type: "x",
          body: Buffer.concat([encodePax({ "\u001b[2J": "a" }), encodePax({ "\u001b[2J": "b" })]),
        }),
        file("a"),
      ),
    /twice/,
  ),
  lie(
    "T-05",
    "a pax key of 30,000 characters, twice",
    () =>
      archiveOf(
        rawEntry({
          type: "x",
          body: Buffer.concat([encodePax({ ["k".repeat(30_000)]: "a" }), encodePax({ ["k".repeat(30_000)]: "b" })]),
        }),
        file("a"),
      ),
    /twice/,
  ),
  lie(
    "T-05",
    "a pax record that is too long",
    () => archiveOf(rawEntry({ type: "x", body: body("99 path=a\n") }), file("a")),
    /wrong length/,
  ),
  lie(
    "T-05",
    "a global pax header",
    () => archiveOf(rawEntry({ type: "g", body: encodePax({ path: "a" }) }), file("a")),
    /type "g"/,
  ),
  lie(
    "T-05",
    "pax metadata over 64 KiB",
    () => archiveOf(rawEntry({ type: "x", body: Buffer.alloc(70_000) }), file("a")),
    /metadata is larger/,
  ),
  lie(
    "T-05",
    "a GNU long name of 1 MB",
    () => archiveOf(longName("n".repeat(1_000_000)), file("a")),
    /metadata is larger/,
  ),
  lie("T-05", "a GNU long name that disagrees", () => archiveOf(longName("other"), file("a")), /calls it/),
  lie("T-05", "a pax path and a GNU long name", () => archiveOf(pax({ path: "a" }), longName("a"), file("a")), /both/),
  lie(
    "T-05",
    "1,000 pax headers for one file",
    () => archiveOf(...Array.from({ length: 1000 }, () => pax({ mtime: "1" })), file("a")),
    /twice/,
  ),
  lie(
    "T-06",
    "a wrong checksum",
    () => Buffer.concat([Buffer.from(file("a")).fill("z", 0, 1), Buffer.alloc(1024)]),
    /checksum/,
  ),
  lie("T-06", "a negative size", giant("\u00ff".repeat(12)), /not a number/),
  lie("T-06", "a size that is no number", giant("0000000000x\u0000"), /not a number/),
  lie("T-06", "a size with a sign", giant("-0000000001\u0000"), /not a number/),
  lie("T-06", "a body that is cut off", () => archiveOf(file("a", "x".repeat(2000))).subarray(0, 1024), /cut off/),
  lie("T-06", "no end blocks", () => file("a"), /without end blocks/),
  lie(
    "T-06",
    "a single end block",
    () => Buffer.concat([file("a"), Buffer.alloc(512), file("b"), Buffer.alloc(1024)]),
    /single zero block/,
  ),
  lie(
    "T-06",
    "a second archive behind the end",
    () => Buffer.concat([archiveOf(file("a")), archiveOf(file("/etc/x"))]),
    /after the end/,
  ),
  lie(
    "T-06",
    "zeros without end",
    () => Buffer.concat([archiveOf(file("a")), Buffer.alloc(2 * 1024 * 1024)]),
    /no end/,
  ),
  lie("T-06", "nothing at all", () => Buffer.alloc(0), /without end blocks/),
  lie("T-10", "a size of 8 EiB", giant(huge), /overflows/),
  {
    id: "T-10",
    title: "8 GiB said in a header of 512 bytes",
    archive: giant("77777777777\u0000"),
    strict: /larger than/,
    collected: /larger than/,
  },
  {
    id: "T-10",
    title: "10,001 entries",
    archive: () => archiveOf(...Array.from({ length: 10_001 }, (_, at) => directory(`d${at}/`))),
    strict: /more than 10000 entries/,
    collected: /more than 10000 entries/,
  },
  lie("T-11", "a gzip bomb", () => gzipSync(Buffer.alloc(16 * 1024 * 1024)), /checksum|neither|not a number/),
  lie(
    "T-11",
    "a zstd frame",
    () => Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), Buffer.alloc(2000)]),
    /checksum|neither|not a number/,
  ),
  kept(
    "T-12",
    "set-id bits, other owners and extended attributes",
    [
      pax({ "SCHILY.xattr.security.capability": "evil", uid: "0", mtime: "99999999999" }),
      rawEntry({ name: "tool", mode: "0006777\u0000", body: body("x") }),
    ],
    ["tool"],
  ),
  lie(
    "T-14",
    "a body longer than declared",
    () => archiveOf(Buffer.concat([rawEntry({ name: "a", size: "00000000001\u0000", body: Buffer.alloc(600, "x") })])),
    /checksum|neither|not a number/,
  ),
  lie(
    "T-14",
    "a body shorter than declared",
    () => archiveOf(rawEntry({ name: "a", size: "00000010000\u0000", body: body("x") })),
    /cut off/,
  ),
];

export const tarCases: readonly TarCase[] = [...nameCases, ...kindCases, ...bytesCases];
