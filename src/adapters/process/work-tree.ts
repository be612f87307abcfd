import { constants } from "node:fs";
import { lstat, mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { TreeEntry } from "../../controllers/attempt/ports.ts";
import { HomieError } from "../../resources/errors.ts";
import { unsafeNameReason } from "../../tar/names.ts";
import { readTar } from "../../tar/read.ts";

/** Puts a staged archive, rooted at `job/`, into the work directory. */
export async function unpackStage(chunks: AsyncIterable<Uint8Array>, work: string): Promise<void> {
  const limits = { mode: "strict", maxTotalBytes: Number.MAX_SAFE_INTEGER, maxEntries: 200_000 } as const;
  for await (const entry of readTar(chunks, limits)) {
    const path = entry.path === "job" ? work : join(work, entry.path.slice("job/".length));
    if (entry.kind === "directory") {
      await mkdir(path, { recursive: true, mode: 0o755 });
      continue;
    }
    const file = await open(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      entry.mode,
    );
    try {
      for await (const chunk of entry.body) await file.writeFile(chunk);
      await file.utimes(entry.mtimeSeconds, entry.mtimeSeconds);
    } finally {
      await file.close();
    }
  }
}

/** Everything below `root` that a program may have left, in sorted order. Never follows a link, never waits on a FIFO. */
export async function* readTree(root: string, signal: AbortSignal, directory = ""): AsyncIterable<TreeEntry> {
  signal.throwIfAborted();
  const children = (await readdir(join(root, directory))).sort();
  for (const name of children) {
    const path = directory === "" ? name : `${directory}/${name}`;
    const entry = await lookAt(root, path);
    if (entry === "directory") yield* readTree(root, signal, path);
    else yield entry;
  }
}

async function lookAt(root: string, path: string): Promise<TreeEntry | "directory"> {
  const unsafe = unsafeNameReason(path);
  if (unsafe !== undefined) return skip(path, unsafe);
  const facts = await lstat(join(root, path));
  if (facts.isDirectory()) return "directory";
  if (facts.isSymbolicLink()) return skip(path, "symbolic link");
  if (!facts.isFile()) return skip(path, "neither a file nor a directory");
  // The other name may lie outside the work directory, so the bytes may not be the job's to give away.
  if (facts.nlink > 1) return skip(path, "hard link");
  return {
    path,
    bytes: facts.size,
    executable: (facts.mode & 0o111) !== 0,
    body: readBody(join(root, path), facts.size),
  };
}

function skip(path: string, reason: string): TreeEntry {
  return { path, bytes: 0, executable: false, skipped: reason };
}

async function* readBody(path: string, bytes: number): AsyncIterable<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (let position = 0; position < bytes;) {
      const buffer = Buffer.allocUnsafe(Math.min(256 * 1024, bytes - position));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw new HomieError("OutputRejected", `${path} became shorter while it was collected`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
