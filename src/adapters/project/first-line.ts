import { constants, open } from "node:fs/promises";

/** A `#!` line is never longer than this on any kernel. */
const firstLineBytes = 512;

/** First line of a script, for its `#!`; never waits for a FIFO. */
export async function readFirstLine(
  path: string,
): Promise<{ readonly ok: true; readonly line: string } | { readonly ok: false; readonly message: string }> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return { ok: false, message: `spec.script: ${path} is not a regular file` };
    const { buffer, bytesRead } = await file.read(Buffer.alloc(firstLineBytes), 0, firstLineBytes, 0);
    return { ok: true, line: buffer.subarray(0, bytesRead).toString("latin1").split("\n", 1)[0] ?? "" };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { ok: false, message: `spec.script: ${path} cannot be read (${code === "ENOENT" ? "no such file" : code})` };
  }
}
