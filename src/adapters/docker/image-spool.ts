import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../reconciler/types.ts";
import { HomieError } from "../../resources/errors.ts";
import { hexOf } from "./image-content.ts";
import { cutOff } from "./image-part.ts";

/** Long enough for a peer that was cut off, or for the next peers that need the same image. */
const keptMs = 3_600_000;
/** Images beyond this many that nobody works on are not kept; each can be as large as the owner allows. */
const mostIdle = 4;
const copyBytes = 1024 * 1024;

/** Files of images on their way: one folder an image, one file a content, named by digest. */
export interface ImageSpool {
  /** The image's folder, made if need be; it is not swept before it is released. */
  hold(imageId: string): Promise<SpoolFolder>;
  /** Undefined when there is no such file. */
  size(imageId: string, digest: string): Promise<number | undefined>;
  /** Removes what nobody holds and nobody has asked for lately. */
  sweep(): Promise<void>;
}

export interface SpoolFolder {
  path(digest: string): string;
  /** Opens `digest`, or a file without a digest yet, to write from `offset` on; what is behind it is cut off. */
  open(digest: string | undefined, offset: number): Promise<SpoolFile>;
  /** Gives a file that was opened without a digest its name, or removes it. */
  settle(file: SpoolFile, digest: string | undefined): Promise<void>;
  /** Removes everything of the image. */
  drop(): Promise<void>;
  release(): Promise<void>;
}

export function createImageSpool(directory: string, clock: Clock): ImageSpool {
  const held = new Map<string, number>();
  let sweeping: Promise<void> = Promise.resolve();

  async function hold(imageId: string): Promise<SpoolFolder> {
    const name = hexOf(imageId);
    const folder = join(directory, name);
    held.set(name, (held.get(name) ?? 0) + 1);
    try {
      await sweeping;
      await onDisk(() => mkdir(folder, { recursive: true, mode: 0o700 }));
      await touch(folder, clock);
    } catch (error) {
      release(held, name);
      throw error;
    }
    return openFolder(folder, async () => {
      release(held, name);
      await touch(folder, clock);
    });
  }

  async function sweepOnce(): Promise<void> {
    const idle: { readonly path: string; readonly usedMs: number; readonly name: string }[] = [];
    for (const name of await listNames(directory)) {
      const path = join(directory, name);
      const found = await statOf(path);
      if (found !== undefined) idle.push({ name, path, usedMs: found.mtimeMs });
    }
    const oldestMs = clock.now().getTime() - keptMs;
    const newestFirst = idle.filter(({ name }) => !held.has(name)).toSorted((a, b) => b.usedMs - a.usedMs);
    for (const [index, { name, path, usedMs }] of newestFirst.entries()) {
      if ((usedMs >= oldestMs && index < mostIdle) || held.has(name)) continue;
      await onDisk(() => rm(path, { recursive: true, force: true }));
    }
  }

  return {
    hold,
    sweep(): Promise<void> {
      const mine = sweeping.then(sweepOnce);
      sweeping = mine.catch(() => undefined);
      return mine;
    },
    size: async (imageId, digest) => (await statOf(join(directory, hexOf(imageId), hexOf(digest))))?.size,
  };
}

function openFolder(folder: string, end: () => Promise<void>): SpoolFolder {
  let unnamed = 0;
  const path = (digest: string): string => join(folder, hexOf(digest));
  return {
    path,
    open: (digest, offset) =>
      SpoolFile.open(digest === undefined ? join(folder, `unnamed-${unnamed++}`) : path(digest), offset),
    settle: (file, digest) => onDisk(() => (digest === undefined ? rm(file.path) : rename(file.path, path(digest)))),
    drop: () => onDisk(() => rm(folder, { recursive: true, force: true })),
    release: end,
  };
}

/** Hashes what is written, what was there before included. */
class SpoolFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  static async open(path: string, offset: number): Promise<SpoolFile> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const opened = new SpoolFile(path, await onDisk(() => open(path, flags, 0o600)));
    try {
      await opened.#goOnAt(offset);
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  async #goOnAt(offset: number): Promise<void> {
    const { size } = await onDisk(() => this.#file.stat());
    // It was swept since the other machine was told of it; told again, it starts from what is here.
    if (offset > size) throw cutOff(`a layer goes on at byte ${offset}, and ${size} are here`);
    await onDisk(() => this.#file.truncate(offset));
    const buffer = Buffer.allocUnsafe(Math.min(copyBytes, offset));
    while (this.#bytes < offset) {
      const most = Math.min(buffer.length, offset - this.#bytes);
      const { bytesRead } = await onDisk(() => this.#file.read(buffer, 0, most, this.#bytes));
      if (bytesRead === 0) throw new HomieError("StateUnusable", `${this.path} became shorter while it was read`);
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#bytes += bytesRead;
    }
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#hash.update(piece);
    for (let done = 0; done < piece.length;) {
      const { bytesWritten } = await onDisk(() => this.#file.write(piece, done, piece.length - done, this.#bytes));
      done += bytesWritten;
      this.#bytes += bytesWritten;
    }
  }

  /** Once, when everything is written. */
  digest(): string {
    return `sha256:${this.#hash.digest("hex")}`;
  }

  close(): Promise<void> {
    return onDisk(() => this.#file.close());
  }
}

function release(held: Map<string, number>, name: string): void {
  const left = (held.get(name) ?? 1) - 1;
  if (left === 0) held.delete(name);
  else held.set(name, left);
}

/** A folder's own time says when it was last used; the files in it can be an hour in the writing. */
async function touch(folder: string, clock: Clock): Promise<void> {
  if ((await statOf(folder)) !== undefined) await onDisk(() => utimes(folder, clock.now(), clock.now()));
}

async function listNames(directory: string): Promise<readonly string[]> {
  return (await unlessAbsent(() => readdir(directory))) ?? [];
}

async function statOf(path: string): Promise<{ readonly size: number; readonly mtimeMs: number } | undefined> {
  return unlessAbsent(() => stat(path));
}

async function unlessAbsent<T>(work: () => Promise<T>): Promise<T | undefined> {
  return onDisk(async () => {
    try {
      return await work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  });
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw new HomieError("StateUnusable", `cannot keep an image on its way: ${message}`, {
      hint: full ? "free some disk space" : "check that the home exists and may be written",
      cause: error,
    });
  }
}
