import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resumeAfter } from "../../../src/adapters/docker/already-captured.ts";
import type { OutputPiece } from "../../../src/adapters/docker/demultiplex.ts";
import { createDemultiplexer } from "../../../src/adapters/docker/demultiplex.ts";
import { parseInitFailure } from "../../../src/adapters/docker/start-error.ts";

const pieces = fc.array(
  fc.record({ stream: fc.constantFrom("stdout" as const, "stderr" as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 12 },
);

function frame({ stream, bytes }: OutputPiece): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream === "stdout" ? 1 : 2;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

function cutAt(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

function joined(of: readonly OutputPiece[], stream: OutputPiece["stream"]): string {
  return Buffer.concat(of.filter((piece) => piece.stream === stream).map(({ bytes }) => bytes)).toString("hex");
}

describe("the demultiplexer", () => {
  it("gives back both streams wherever the wire was cut", () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(), { maxLength: 10 }), (sent, cuts) => {
        const demultiplexer = createDemultiplexer();
        const got = cutAt(Buffer.concat(sent.map(frame)), cuts).flatMap((chunk) => demultiplexer.push(chunk));
        expect(joined(got, "stdout")).toBe(joined(sent, "stdout"));
        expect(joined(got, "stderr")).toBe(joined(sent, "stderr"));
        expect(demultiplexer.atBoundary()).toBe(true);
      }),
    );
  });

  it("notices a stream that ends inside a frame", () => {
    const whole = frame({ stream: "stdout", bytes: Buffer.from("hello") });
    for (let length = 1; length < whole.length; length++) {
      const demultiplexer = createDemultiplexer();
      demultiplexer.push(whole.subarray(0, length));
      expect(demultiplexer.atBoundary()).toBe(false);
    }
  });

  it.each([
    "plain text of a terminal",
    "\u0001\u0001\u0000\u0000\u0000\u0000\u0000\u0001x",
    "\u0009\u0000\u0000\u0000\u0000\u0000\u0000\u0001x",
  ])("refuses what has no frame header: %j", (text) => {
    expect(() => createDemultiplexer().push(Buffer.from(text, "latin1"))).toThrow(/no frame header/);
  });
});

describe("a capture that goes on", () => {
  it("adds exactly what is missing of each stream", () => {
    fc.assert(
      fc.property(pieces, fc.nat(500), fc.nat(500), fc.integer({ min: 1, max: 64 }), (sent, out, err, tailBytes) => {
        const have = (stream: OutputPiece["stream"], bytes: number): { bytes: number; tail: Buffer; held: Buffer } => {
          const held = Buffer.from(joined(sent, stream), "hex").subarray(0, bytes);
          return { bytes: held.length, tail: held.subarray(-tailBytes), held };
        };
        const captured = { stdout: have("stdout", out), stderr: have("stderr", err), droppedBytes: 0 };
        const resumption = resumeAfter(captured);
        const added = sent.map((piece) => ({ stream: piece.stream, bytes: resumption.accept(piece) as Uint8Array }));
        for (const stream of ["stdout", "stderr"] as const) {
          expect(captured[stream].held.toString("hex") + joined(added, stream)).toBe(joined(sent, stream));
        }
      }),
    );
  });

  it("notices that the engine's log is not the one that was captured", () => {
    const tail = Buffer.from("captured");
    const none = { bytes: 0, tail: Buffer.alloc(0) };
    for (let at = 0; at < tail.length; at++) {
      const other = Buffer.from("xxxxcaptured and more");
      other[4 + at] = 0;
      const resumption = resumeAfter({ stdout: { bytes: 12, tail }, stderr: none, droppedBytes: 0 });
      const answers = [other.subarray(0, 7), other.subarray(7)].map((bytes) =>
        resumption.accept({ stream: "stdout", bytes }),
      );
      expect(answers).toContain("mismatch");
    }
  });

  it("does not count dropped bytes twice", () => {
    const part = { bytes: 2, tail: Buffer.from("ab") };
    const resumption = resumeAfter({ stdout: part, stderr: { bytes: 0, tail: Buffer.alloc(0) }, droppedBytes: 3 });
    expect(
      Buffer.from(resumption.accept({ stream: "stdout", bytes: Buffer.from("abcd") }) as Uint8Array).toString(),
    ).toBe("");
    expect(
      Buffer.from(resumption.accept({ stream: "stderr", bytes: Buffer.from("xyz") }) as Uint8Array).toString(),
    ).toBe("yz");
  });
});

describe("a failure of the container's init", () => {
  it.each([
    [
      "tini",
      "stderr",
      "[FATAL tini (7)] exec /no failed: No such file or directory\n",
      "exec /no failed: No such file or directory",
    ],
    [
      "catatonit",
      "stderr",
      "ERROR (catatonit:2): failed to exec pid1: No such file or directory\n",
      "failed to exec pid1: No such file or directory",
    ],
    ["a shell of the Job", "stderr", "sh: nope: not found\n", undefined],
    ["a Job that prints the words on stdout", "stdout", "[FATAL tini (7)] exec /no failed\n", undefined],
    ["a Job that said something before", "stderr", "hello\n[FATAL tini (7)] exec /no failed\n", undefined],
    ["silence", "stderr", "", undefined],
  ] as const)("is told apart: %s", (_, stream, text, expected) => {
    expect(parseInitFailure(frame({ stream, bytes: Buffer.from(text) }))).toBe(expected);
  });
});
