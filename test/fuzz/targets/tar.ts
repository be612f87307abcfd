import { posix, win32 } from "node:path";
import fc from "fast-check";
import { encodePax } from "../../../src/tar/pax.ts";
import { readTar, type TarEntry, type TarLimits } from "../../../src/tar/read.ts";
import { archiveOf, directoryInput, fileInput, inPieces, pack, rawEntry } from "../../tar/tar-samples.ts";
import { made, must, mutants, refusable, type FuzzTarget, type Verdict } from "../target.ts";

const block = 512;
const limits = { maxTotalBytes: 200_000, maxEntries: 200 };

/** After a change a liar writes the right checksum over every header. */
function mendSums(bytes: Buffer): Buffer {
  for (let at = 0; at + block <= bytes.length; at += block) {
    if (bytes.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    bytes.write("        ", at + 148, "latin1");
    const sum = bytes.subarray(at, at + block).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, at + 148, "latin1");
  }
  return bytes;
}

const names = fc.oneof(
  fc.constantFrom(
    ...[
      "a",
      "A",
      "a/",
      "a/b",
      "a/b/c",
      "./",
      "./a",
      ".",
      "..",
      "../x",
      "a/../../x",
      "/etc/x",
      "//x",
      "~/x",
      "C:x",
      "\\\\?\\x",
    ],
    ...[
      "é",
      "e\u0301",
      "ﬁ",
      "fi",
      "CON",
      "x.",
      "x ",
      "\n",
      "\u001b[2J",
      "\ufffd",
      `${"d/".repeat(31)}f`,
      `${"d/".repeat(32)}f`,
    ],
    ...["n".repeat(100), "n".repeat(256), "%2e%2e/x", ".git/hooks/post-checkout", ""],
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const meta = fc.oneof(
  fc
    .tuple(fc.constantFrom("path", "size", "linkpath", "mtime", "GNU.sparse.major"), names)
    .map(([key, value]) => rawEntry({ name: "PaxHeaders/x", type: "x", body: encodePax({ [key]: value }) })),
  fc
    .tuple(fc.constantFrom("L", "K"), names)
    .map(([type, name]) =>
      rawEntry({ name: "././@LongLink", type, magic: "ustar  \u0000", body: Buffer.from(`${name}\u0000`) }),
    ),
);
const entry = fc
  .record({
    name: names,
    type: fc.constantFrom(..."00000555123467xLKgSMVZ".split(""), "\u0000"),
    mode: fc.constantFrom("0000644\u0000", "0006777\u0000", "9999999\u0000", "\u00ff".repeat(8)),
    body: fc.constantFrom("", "x", "y".repeat(600)).map((text) => Buffer.from(text)),
  })
  .map((fields) => (fields.type === "5" ? rawEntry({ ...fields, body: Buffer.alloc(0) }) : rawEntry(fields)));
const archives = fc.array(fc.oneof(entry, entry, meta), { maxLength: 6 }).map((entries) => archiveOf(...entries));

/** Where the entry would be written, by the rules of two systems that know nothing of ours. */
function mustStayBelow(path: string): void {
  must(posix.resolve("/root/of/it", path) === `/root/of/it/${path}`, `${JSON.stringify(path)} leaves its root`);
  const windows = win32.resolve("C:\\root\\of\\it", path);
  must(windows.startsWith("C:\\root\\of\\it\\"), `${JSON.stringify(path)} leaves its root on Windows`);
  must(!/[\u0000-\u001f\u007f]/.test(path), "a control character in a name");
  must(Buffer.byteLength(path) <= 1_024, "a path without end");
}

class Unpacked {
  readonly #kinds = new Map<string, string>();
  #total = 0;

  take(entry: TarEntry, bodyBytes: number, mode: TarLimits["mode"]): void {
    const { path, kind, bytes, reason } = entry;
    must([0o644, 0o755].includes(entry.mode), `mode ${entry.mode}`);
    must(Number.isSafeInteger(entry.mtimeSeconds) && entry.mtimeSeconds >= 0, `time ${entry.mtimeSeconds}`);
    must(bodyBytes === bytes, `${bodyBytes} bytes of ${bytes}`);
    this.#total += bytes;
    must(this.#total <= limits.maxTotalBytes && this.#kinds.size < limits.maxEntries, "more than the limits");
    const isPlain = kind === "file" || kind === "directory";
    must(isPlain === (reason === undefined) && (isPlain || mode === "collect"), `${kind} accepted in mode ${mode}`);
    if (!isPlain) return;
    mustStayBelow(path);
    const folded = path.normalize("NFC").toLowerCase();
    must(!this.#kinds.has(folded), "one path twice");
    for (let slash = folded.indexOf("/"); slash > 0; slash = folded.indexOf("/", slash + 1))
      must(this.#kinds.get(folded.slice(0, slash)) !== "file", "a file below a file");
    for (const known of this.#kinds.keys())
      must(kind !== "file" || !known.startsWith(`${folded}/`), "a file above a file");
    this.#kinds.set(folded, kind);
  }
}

async function unpackAll(bytes: Uint8Array, mode: TarLimits["mode"]): Promise<Verdict> {
  const unpacked = new Unpacked();
  // Pieces of any size have to read the same; the length of the input chooses one.
  const piece = [1 << 20, 512, 700, 64][bytes.length % 4] ?? 512;
  return await refusable(["TarRejected", "TooLarge"], async () => {
    for await (const entry of readTar(inPieces(bytes, piece), { mode, ...limits })) {
      let got = 0;
      for await (const chunk of entry.body) got += chunk.length;
      unpacked.take(entry, got, mode);
    }
  });
}

export async function tarTarget(): Promise<FuzzTarget> {
  const tree = [directoryInput("d"), fileInput("d/a.py", "print()", 0o755), fileInput("é.txt", "x".repeat(700))];
  const corpus = [
    await pack(tree),
    await pack([fileInput(`${"long/".repeat(25)}name.txt`, "long")]),
    await pack(Array.from({ length: 8 }, (_, index) => fileInput(`f${index}`, "z".repeat(index * 90)))),
    archiveOf(rawEntry({ name: "l", type: "2" }), rawEntry({ name: "good", body: Buffer.from("x") })),
    archiveOf(
      rawEntry({
        name: "././@LongLink",
        type: "L",
        magic: "ustar  \u0000",
        body: Buffer.from(`${"n".repeat(150)}\u0000`),
      }),
      rawEntry({ name: "n".repeat(100), magic: "ustar  \u0000" }),
    ),
  ];
  return {
    name: "tar",
    share: 20,
    sources: [mutants(corpus, mendSums), mutants(corpus, mendSums), made(archives)],
    async check(input) {
      const collected = await unpackAll(input, "collect");
      const strict = await unpackAll(input, "strict");
      must(strict === "refused" || collected === "accepted", "strict takes what collecting refuses");
      return strict;
    },
  };
}
