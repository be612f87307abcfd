import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Stats } from "node:fs";
import { lstat, mkdir, readFile, rename, rm, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import { fsyncDirectory } from "../project/replace-file.ts";
import type { WantedBlob } from "./blob-record.ts";
import { inParallel } from "../in-parallel.ts";

/** A use is noted on the disk at most this often. */
const touchedMs = 60_000;
const lookedAtOnce = 16;

/**
 * Where things lie: `ab/SHA` is a whole blob, its access time its last use; `partial/SHA` the beginning of one;
 * `lists/ROOT/SHA` a whole chunk of a list that nobody has looked at yet.
 */
export class BlobFiles {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  whole(sha256: string): string {
    return join(this.root, sha256.slice(0, 2), sha256);
  }

  partial(sha256: string): string {
    return join(this.root, "partial", sha256);
  }

  list(rootKey: string): string {
    return join(this.root, "lists", rootKey);
  }

  /** Size of a whole blob, or undefined; being asked for is a use. The modification time stays: readers compare it. */
  async use(sha256: string): Promise<number | undefined> {
    const path = this.whole(sha256);
    const facts = await factsOf(path);
    if (facts === undefined) return undefined;
    const now = Date.now();
    if (now - facts.atimeMs > touchedMs) await utimes(path, now / 1000, facts.mtimeMs / 1000);
    return facts.size;
  }

  /**
   * Which of these are not here, in order. `sizeElsewhere` knows of what lies outside the store proper. Throws
   * InputsRejected for a size that a blob here does not have.
   */
  async missing(
    blobs: readonly Pick<WantedBlob, "sha256" | "bytes">[],
    sizeElsewhere?: (sha256: string) => Promise<number | undefined>,
  ): Promise<readonly WantedBlob[]> {
    const found: (WantedBlob | undefined)[] = blobs.map(() => undefined);
    await inParallel(blobs, lookedAtOnce, async ({ sha256, bytes }, index) => {
      const size = (await this.#useSound(sha256, bytes)) ?? (await sizeElsewhere?.(sha256));
      if (size === undefined) found[index] = { sha256, bytes, have: await this.#partialOf(sha256, bytes) };
      else if (size !== bytes) {
        const lie = `${sha256} has ${size} bytes, not ${bytes}`;
        throw new HomieError("InputsRejected", `the list of input files is refused: ${lie}`);
      }
    });
    return found.filter((blob) => blob !== undefined);
  }

  /** The content of a chunk, looked at again. Throws StateUnusable for a damaged one; it is gone then, and wanted again. */
  async readChunk(path: string, sha256: string): Promise<Uint8Array> {
    const bytes = await readFile(path);
    if (createHash("sha256").update(bytes).digest("hex") === sha256) return bytes;
    await rm(path, { force: true });
    throw new HomieError("StateUnusable", `${path} was damaged and has been removed`, {
      hint: "check the disk; it is sent again with the next attempt",
    });
  }

  /** Gives a file its name, which outlives a power cut after `syncNames`. */
  async place(from: string, to: string): Promise<void> {
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    await rename(from, to);
  }

  async syncNames(placed: readonly string[]): Promise<void> {
    const directories = [...new Set(placed.map((path) => dirname(path)))];
    await inParallel(directories, lookedAtOnce, (directory) => fsyncDirectory(directory));
    if (directories.length > 0) await fsyncDirectory(this.root);
  }

  /** Another size than the one expected is a lie, or the disk has lost something; then the blob goes. */
  async #useSound(sha256: string, bytes: number): Promise<number | undefined> {
    const size = await this.use(sha256);
    if (size === undefined || size === bytes || (await hashOf(this.whole(sha256))) === sha256) return size;
    await rm(this.whole(sha256), { force: true });
    return undefined;
  }

  /** More than the whole cannot be its beginning. */
  async #partialOf(sha256: string, bytes: number): Promise<number> {
    const have = (await factsOf(this.partial(sha256)))?.size ?? 0;
    if (have <= bytes) return have;
    await rm(this.partial(sha256), { force: true });
    return 0;
  }
}

/** Of a plain file; undefined when there is none. */
export async function factsOf(path: string): Promise<Stats | undefined> {
  const facts = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  return facts?.isFile() === true ? facts : undefined;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}
