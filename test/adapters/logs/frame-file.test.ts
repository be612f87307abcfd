import type { FileHandle } from "node:fs/promises";
import { expect, test } from "vitest";
import { FrameFile } from "../../../src/adapters/logs/frame-file.ts";

/** A disk of limited size behind the calls FrameFile makes; each write takes at most `perCall` bytes. */
function smallDisk(perCall: number): {
  readonly handle: FileHandle;
  readonly content: Buffer;
  room: number;
  isClosed: boolean;
} {
  const disk = { content: Buffer.alloc(1000), room: 0, isClosed: false };
  const write = (bytes: Uint8Array, position: number): { bytesWritten: number } => {
    const taken = Math.min(bytes.length, perCall, disk.room - position);
    if (taken <= 0) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    disk.content.set(bytes.subarray(0, taken), position);
    return { bytesWritten: taken };
  };
  const handle = {
    write: async (bytes: Uint8Array, offset: number, length: number, position: number) =>
      write(bytes.subarray(offset, offset + length), position),
    writev: async (all: readonly Uint8Array[], position: number) => write(Buffer.concat(all), position),
    sync: async () => undefined,
    close: async () => void (disk.isClosed = true),
  };
  return Object.assign(disk, { handle: handle as unknown as FileHandle });
}

test.each([1, 3, 5, 1000])(
  "frames arrive whole and in order when the system takes %i bytes at a time",
  async (perCall) => {
    const disk = smallDisk(perCall);
    disk.room = 1000;
    const file = new FrameFile(disk.handle, 10);
    for (const frame of ["one", "", "three", "4"]) file.append(Buffer.from(frame));
    await file.close();
    expect(disk.content.toString("latin1", 10, 19)).toBe("onethree4");
    expect(disk.isClosed).toBe(true);
  },
);

test("a full disk loses nothing: what did not fit is written once there is room", async () => {
  const disk = smallDisk(4);
  disk.room = 5;
  const file = new FrameFile(disk.handle, 0);
  file.append(Buffer.from("first"));
  file.append(Buffer.from("second"));
  await file.flush();
  expect(file.failure).toMatchObject({ code: "ENOSPC" });
  expect(file.pendingBytes).toBe(11);
  file.append(Buffer.from("third"));
  disk.room = 1000;
  await file.close();
  expect(file.failure).toBeUndefined();
  expect(disk.content.toString("latin1", 0, 16)).toBe("firstsecondthird");
});
