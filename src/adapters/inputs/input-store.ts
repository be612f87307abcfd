import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { InputEntry, InputRoot } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import type { HomePaths } from "../home.ts";
import type { SourceEntry } from "../project/list-sources.ts";
import { BlobFiles, factsOf } from "./blob-files.ts";
import type { WantedBlob } from "./blob-record.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { translateDiskError } from "./disk-error.ts";
import { InputLists, listKey } from "./input-lists.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { receiveBlobs } from "./receive-blobs.ts";
import type { ReceiveOptions } from "./receive-blobs.ts";

export type WantedBlobs =
  | { readonly complete: true }
  | {
      readonly complete: false;
      /** At most 4,096; ask again when they have come. */
      readonly blobs: readonly WantedBlob[];
      /** Of everything known to be missing; files are known once all chunks are here. */
      readonly missingBytes: number;
    };

/**
 * Every method throws HomieError InputsRejected for a root or a list that breaks a rule, of which nothing is kept then, and
 * StateUnusable when the disk is full or damaged.
 */
export interface InputStore {
  /** The missing chunks first; once all are here and in order, the missing files. */
  wanted(root: InputRoot): Promise<WantedBlobs>;
  /**
   * Takes in what `wanted` names and nothing else (blob-record.ts has the format). What came before a cut stays, and
   * counts as `have`. Throws PeerUnreachable at a cut, Conflict when another stream got in the way. All streams of a
   * home go to one store, in which those of the same blob wait for each other.
   */
  receive(root: InputRoot, stream: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<void>;
  /** Throws NotFound while chunks are missing. */
  entries(root: InputRoot): Promise<readonly InputEntry[]>;
  /** What a stage needs. Throws NotFound while anything is missing. */
  sources(root: InputRoot): Promise<readonly SourceEntry[]>;
  /**
   * Removes what was not used for longest until `maxBytes` are left, and partial files older than a day. What `keep`
   * names stays, and what was used in the last minutes.
   */
  collectGarbage(options: { readonly keep: readonly InputRoot[]; readonly maxBytes: number }): Promise<void>;
}

const mostWanted = 4_096;

/** Files of other machines' attempts, by content: what is here already never travels again. */
export function createInputStore(paths: Pick<HomePaths, "blobs">): InputStore {
  const store = new ContentStore(new BlobFiles(paths.blobs));
  const guarded = async <T>(step: () => Promise<T>): Promise<T> => {
    try {
      return await step();
    } catch (error) {
      throw translateDiskError(error, paths.blobs);
    }
  };
  return {
    wanted: (root) => guarded(() => store.wanted(root)),
    receive: (root, stream, options) => guarded(() => store.receive(root, stream, options)),
    entries: (root) => guarded(() => store.entries(root)),
    sources: (root) => guarded(() => store.sources(root)),
    collectGarbage: ({ keep, maxBytes }) => guarded(() => store.collectGarbage(keep, maxBytes)),
  };
}

class ContentStore {
  readonly #files: BlobFiles;
  readonly #lists: InputLists;
  readonly #lock = new KeyedLock();

  constructor(files: BlobFiles) {
    this.#files = files;
    this.#lists = new InputLists(files);
  }

  async wanted(root: InputRoot): Promise<WantedBlobs> {
    const missing = await this.#missing(root);
    if (missing.length === 0) return { complete: true };
    const missingBytes = missing.reduce((sum, { bytes, have }) => sum + bytes - have, 0);
    return { complete: false, blobs: missing.slice(0, mostWanted), missingBytes };
  }

  async receive(root: InputRoot, stream: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<void> {
    const expected = (await this.#missing(root)).slice(0, mostWanted);
    const chunks = new Set(root.chunks.map(({ sha256 }) => sha256));
    const bringsChunks = expected.some(({ sha256 }) => chunks.has(sha256));
    const destination = (sha256: string): string =>
      bringsChunks ? this.#lists.waiting(root, sha256) : this.#files.whole(sha256);
    const isThere = async (sha256: string): Promise<boolean> =>
      (await this.#files.use(sha256)) !== undefined || (await factsOf(destination(sha256))) !== undefined;
    await mkdir(join(this.#files.root, "partial"), { recursive: true, mode: 0o700 });
    await receiveBlobs({ files: this.#files, lock: this.#lock, expected, isThere, destination }, stream, options);
    // A list that breaks a rule is refused in the answer to what completed it.
    if (bringsChunks) await this.#missing(root);
  }

  async entries(root: InputRoot): Promise<readonly InputEntry[]> {
    requireAll(await this.#lists.missingChunks(root));
    return this.#lists.read(root);
  }

  async sources(root: InputRoot): Promise<readonly SourceEntry[]> {
    const entries = await this.entries(root);
    requireAll(await this.#files.missing(filesOf(entries)));
    return entries.map(({ sha256, ...entry }) =>
      sha256 === undefined
        ? { ...entry, from: this.#files.root }
        : { ...entry, from: this.#files.whole(sha256), sha256 },
    );
  }

  async collectGarbage(keep: readonly InputRoot[], maxBytes: number): Promise<void> {
    const kept = new Set<string>();
    for (const root of keep) {
      for (const { sha256 } of root.chunks) kept.add(sha256);
      for (const { sha256 } of await this.#knownEntries(root)) if (sha256 !== undefined) kept.add(sha256);
    }
    await collectGarbage(this.#files, { kept, keptLists: new Set(keep.map(listKey)), maxBytes });
  }

  /** A list that is not whole, or refused, has no files to keep. */
  async #knownEntries(root: InputRoot): Promise<readonly InputEntry[]> {
    try {
      return await this.entries(root);
    } catch (error) {
      if (error instanceof HomieError) return [];
      throw error;
    }
  }

  async #missing(root: InputRoot): Promise<readonly WantedBlob[]> {
    const release = await this.#lock.take(`list ${listKey(root)}`);
    try {
      const chunks = await this.#lists.missingChunks(root);
      if (chunks.length > 0) return chunks;
      const files = await this.#files.missing(filesOf(await this.#lists.read(root)));
      await this.#lists.accept(root);
      return files;
    } catch (error) {
      if (error instanceof HomieError && error.code === "InputsRejected") await this.#lists.refuse(root);
      throw error;
    } finally {
      release();
    }
  }
}

/** Equal files are one blob. */
function filesOf(entries: readonly InputEntry[]): readonly Pick<WantedBlob, "sha256" | "bytes">[] {
  const files = new Map<string, Pick<WantedBlob, "sha256" | "bytes">>();
  for (const { sha256, bytes } of entries) if (sha256 !== undefined) files.set(sha256, { sha256, bytes });
  return [...files.values()];
}

function requireAll(missing: readonly WantedBlob[]): void {
  if (missing.length > 0) throw new HomieError("NotFound", `${missing.length} files of the job are not here yet`);
}
