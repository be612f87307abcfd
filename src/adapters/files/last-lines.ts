import { open } from "node:fs/promises";

/** A log line of the daemon is a few hundred bytes; this is enough for any tail somebody reads. */
const longestTailBytes = 1024 * 1024;

/** The last lines of a text file, oldest first; undefined when there is no such file. */
export async function readLastLines(path: string, lines: number): Promise<string | undefined> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const bytes = Math.min(size, longestTailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, size - bytes);
    const all = buffer.subarray(0, bytesRead).toString("utf8").split("\n");
    const ended = all.at(-1) === "" ? all.slice(0, -1) : all;
    return ended
      .slice(-lines)
      .map((line) => `${line}\n`)
      .join("");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
