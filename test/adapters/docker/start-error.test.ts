import type Docker from "dockerode";
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

/** Of whose log each look finds more; like podman, it counts pieces as lines. */
function containerThatSays(...looks: (readonly string[])[]): { readonly container: Docker.Container; looks(): number } {
  let count = 0;
  const logs = ({ tail }: { readonly tail: number }): Promise<Buffer> => {
    const pieces = looks[Math.min(count, looks.length - 1)] ?? [];
    count += 1;
    return Promise.resolve(Buffer.concat(pieces.slice(-tail).map(onStderr)));
  };
  return { container: { logs } as unknown as Docker.Container, looks: () => count };
}

it("reads the line of podman's init whole, in however many pieces its monitor kept it", async () => {
  const { container } = containerThatSays(initLine);
  expect(await withStartError(facts, container, "no-such-program")).toMatchObject({
    exitCode: 127,
    startError: "no-such-program: failed to exec pid1: No such file or directory",
  });
});

it("asks again while there is nothing yet, or the line in part", async () => {
  const { container, looks } = containerThatSays([], initLine.slice(0, 2), initLine);
  expect(await withStartError(facts, container, "no-such-program")).toMatchObject({ exitCode: 127 });
  expect(looks()).toBe(3);
});

it("waits for nothing more where the program itself has said something, with or without an end of line", async () => {
  const { container, looks } = containerThatSays(["failed: 3"]);
  expect(await withStartError(facts, container, "sh")).toBe(facts);
  expect(looks()).toBe(1);
});
