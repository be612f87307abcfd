import type Docker from "dockerode";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { withStartError } from "../../../src/adapters/docker/start-error.ts";

const facts = {
  phase: "exited",
  containerId: "c1",
  specSha256: "0",
  exitCode: 1,
  startedAt: "2026-01-01T00:00:00.000Z",
  finishedAt: "2026-01-01T00:00:00.000Z",
  oomKilled: false,
} as const;
const initLine = ["ERROR (catatonit:6): ", "failed to exec pid1", ": ", "No such file or directory", "\n"];

function onStderr(piece: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = 2;
  header.writeUInt32BE(piece.length, 4);
  return Buffer.concat([header, Buffer.from(piece)]);
}

/** Like podman's, its log has a line in the pieces in which it was read, and loses all but the last of them to `tail`. */
function containerThatSays(pieces: Iterable<string>): { readonly container: Docker.Container; read(): number } {
  let count = 0;
  function* read(isTail: boolean): Iterable<Buffer> {
    for (const piece of isTail ? [...pieces].slice(-1) : pieces) {
      count += 1;
      yield onStderr(piece);
    }
  }
  const logs = ({ tail }: { readonly tail?: number }): Promise<Readable> =>
    Promise.resolve(Readable.from(read(tail !== undefined)));
  return { container: { logs } as unknown as Docker.Container, read: () => count };
}

it("reads the line of podman's init whole, in however many pieces its monitor kept it", async () => {
  const { container } = containerThatSays(initLine);
  expect(await withStartError(facts, container, "no-such-program")).toMatchObject({
    exitCode: 127,
    startError: "no-such-program: failed to exec pid1: No such file or directory",
  });
});

it("takes what the program itself has said for nothing else, with or without an end of line", async () => {
  for (const said of [["failed: 3"], ["failed: 3\n"], [...initLine, "and more\n"], []]) {
    const { container } = containerThatSays(said);
    expect(await withStartError(facts, container, "sh")).toBe(facts);
  }
});

it("reads no more of a long log than the init could have written", async () => {
  function* endless(): Iterable<string> {
    yield initLine.join("");
    for (;;) yield "x".repeat(1000);
  }
  const { container, read } = containerThatSays(endless());
  expect(await withStartError(facts, container, "sh")).toBe(facts);
  expect(read()).toBeLessThan(200);
});
