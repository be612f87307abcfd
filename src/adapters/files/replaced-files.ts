import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Clock, Logger } from "../../reconciler/types.ts";
import { stripStatus } from "../../resources/splice-status.ts";
import { atomicWriteSync } from "./atomic-write.ts";
import { lstatBig, stampAt } from "./file-stamp.ts";
import { readManifestBytes } from "./read-manifest-file.ts";

/** An editor that opened the old file before it was replaced has written by then. */
const followMs = 2_000;
const lookEveryMs = 50;
/** What still changes is not brought back yet. */
const quietMs = 250;
/** Each one followed holds a file open; beyond this many the newest are not. */
const maximumFollowed = 50;

export interface ReplacedFiles {
  /** To be called before `path` is replaced. `dropped` when it was not, else `replaced` with what it held. */
  hold(path: string): HeldFile | undefined;
  /** Looks a last time at everything that is followed. */
  stop(): Promise<void>;
}
export interface HeldFile {
  replaced(bytes: Uint8Array): void;
  dropped(): void;
}

export interface ReplacedFilesOptions {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Saves an edit that would get lost: a program that writes in place and had opened the file just before homie renamed a new
 * one over it writes into the old one, which has no name any more. Its bytes are put back under the name.
 */
export function createReplacedFiles({ clock, log }: ReplacedFilesOptions): ReplacedFiles {
  const following = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function follow(path: string, { file, before }: Opened, bytes: Uint8Array): Promise<void> {
    let seen = before;
    let untilMs = clock.monotonicMs() + followMs;
    let quietSinceMs = clock.monotonicMs();
    try {
      while (clock.monotonicMs() < untilMs && !stopping.signal.aborted) {
        await clock.sleep(lookEveryMs, stopping.signal);
        const now = changeOf(file);
        if (now !== seen) untilMs = (quietSinceMs = clock.monotonicMs()) + followMs;
        seen = now;
        if (seen !== before && clock.monotonicMs() - quietSinceMs >= quietMs) break;
      }
      const edited = readWhole(file);
      if (Buffer.compare(edited, bytes) !== 0) bringBack(path, edited, bytes);
    } catch (error) {
      log.warn("an edit made while status was written could not be brought back", { file: path, error: String(error) });
    } finally {
      closeSync(file);
    }
  }

  function bringBack(path: string, edited: Buffer, bytes: Uint8Array): void {
    const stamp = stampAt(path);
    const now = readManifestBytes(path);
    // Somebody has saved again since: that is the newer edit.
    if (!now.ok || stripStatus(textOf(now.bytes)) !== stripStatus(textOf(bytes))) return;
    const mode = Number((lstatBig(path)?.mode ?? 0o600n) & 0o777n);
    if (atomicWriteSync(path, edited, { mode, confirm: () => stampAt(path) === stamp })) {
      log.info("an edit made while status was written is back in its file", { file: path });
    }
  }

  return {
    hold: (path) => {
      if (following.size >= maximumFollowed) return undefined;
      const opened = openToFollow(path);
      if (opened === undefined) return undefined;
      return {
        replaced: (bytes) => {
          const work = follow(path, opened, bytes).finally(() => following.delete(work));
          following.add(work);
        },
        dropped: () => closeSync(opened.file),
      };
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(following);
    },
  };
}

interface Opened {
  readonly file: number;
  /** How it was before it was replaced: what is written to it from then on is an edit, however soon it comes. */
  readonly before: string;
}

/** Undefined when there is no descriptor to spare: then status is written all the same. */
function openToFollow(path: string): Opened | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    return { file, before: changeOf(file) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EMFILE" || code === "ENFILE") return undefined;
    throw error;
  }
}

/** Renaming over a file changes its ctime, so that says nothing. */
function changeOf(file: number): string {
  const { size, mtimeNs } = fstatSync(file, { bigint: true });
  return `${size}.${mtimeNs}`;
}

function readWhole(file: number): Buffer {
  const bytes = Buffer.alloc(Number(fstatSync(file).size));
  let filled = 0;
  for (let count = -1; count !== 0 && filled < bytes.length; filled += count) {
    count = readSync(file, bytes, filled, bytes.length - filled, filled);
  }
  return bytes.subarray(0, filled);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
