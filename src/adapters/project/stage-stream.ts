import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import type { TarInput } from "../../tar/write.ts";
import { writeTar } from "../../tar/write.ts";
import { attemptPaths } from "../home.ts";
import { createInputStore } from "../inputs/input-store.ts";
import type { HomePaths } from "../home.ts";
import { surveySources } from "./list-sources.ts";
import type { SourceEntry, SourceSurvey } from "./list-sources.ts";
import { replaceFile } from "./replace-file.ts";
import { unreadable } from "./walk-tree.ts";

/** The uid and gid every job runs as inside a container. */
export const jobUserId = 65532;

export interface StageStream {
  /** The tar archive, to be read once and to the end; rooted at `job/`. Throws SourceUnreadable. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves when the archive is complete and inputs.json is on disk; rejects with whatever stopped it. */
  readonly done: Promise<void>;
  /** Complete once `done` is: what of the project does not travel although no rule says so. */
  skipped(): SourceSurvey["skipped"];
}

/** The baseline for "new or changed": what was in the work directory before the program ran. */
export type InputsBaseline = Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;

/** Packs an attempt's sources, hashing each file while it is read. */
export function createStageStream(attempt: Attempt, paths: HomePaths, signal: AbortSignal): StageStream {
  const completion = Promise.withResolvers<void>();
  // Whoever only reads `chunks` sees the same error there.
  completion.promise.catch(() => undefined);
  const skipped: { path: string; reason: string }[] = [];
  async function* chunks(): AsyncIterable<Uint8Array> {
    try {
      const survey = await surveyOf(attempt, paths, signal);
      skipped.push(...survey.skipped);
      const baseline = new Map<string, { bytes: number; sha256: string }>();
      yield* writeTar(tarInputs(attempt, survey.entries, baseline, signal));
      const inputs = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt).inputs;
      await mkdir(dirname(inputs), { recursive: true, mode: 0o700 });
      await replaceFile(inputs, JSON.stringify(Object.fromEntries(baseline)));
      completion.resolve();
    } catch (error) {
      completion.reject(error);
      throw error;
    } finally {
      completion.reject(new HomieError("SourceUnreadable", "nobody read the archive to its end"));
    }
  }
  return { chunks: chunks(), done: completion.promise, skipped: () => skipped };
}

/** An attempt of another machine brings its files as content; one of this machine names them where they lie. */
async function surveyOf(attempt: Attempt, paths: HomePaths, signal: AbortSignal): Promise<SourceSurvey> {
  const { hosted, sources } = attempt.spec;
  if (hosted === undefined) return surveySources(sources, signal, paths.root);
  return { entries: await createInputStore(paths).sources(hosted.inputs), skipped: [] };
}

/**
 * Time of change, in seconds since 1970, of a work directory that nothing was put into: no clock shows it any more when a
 * program runs, so whoever finds it there knows that nothing has been put there since.
 */
export function untouchedSeconds({ metadata }: Attempt): number {
  return createdSeconds(metadata.creationTimestamp) - 1;
}

function createdSeconds(creationTimestamp: string): number {
  return Math.floor(Date.parse(creationTimestamp) / 1000);
}

function* tarInputs(
  attempt: Attempt,
  entries: readonly SourceEntry[],
  baseline: Map<string, { bytes: number; sha256: string }>,
  signal: AbortSignal,
): Iterable<TarInput> {
  const owner = { uid: jobUserId, gid: jobUserId };
  const now = Math.max(Math.floor(Date.now() / 1000), createdSeconds(attempt.metadata.creationTimestamp));
  const mtimeSeconds = entries.length === 0 ? untouchedSeconds(attempt) : now;
  yield { path: "job", kind: "directory", bytes: 0, mode: 0o755, mtimeSeconds, ...owner };
  for (const entry of entries) {
    const isDirectory = entry.kind === "directory";
    yield {
      path: `job/${entry.path}`,
      kind: entry.kind,
      bytes: entry.bytes,
      mode: isDirectory || entry.executable ? 0o755 : 0o644,
      mtimeSeconds: entry.mtimeMs / 1000,
      ...owner,
      ...(isDirectory
        ? {}
        : { body: readHashed(entry, signal, (sha256) => baseline.set(entry.path, { bytes: entry.bytes, sha256 })) }),
    };
  }
}

const readBytes = 256 * 1024;

async function* readHashed(
  entry: SourceEntry,
  signal: AbortSignal,
  onHash: (sha256: string) => void,
): AsyncIterable<Uint8Array> {
  signal.throwIfAborted();
  // O_NONBLOCK: should a FIFO have taken the file's place, opening it must not wait for a writer.
  const file = await open(entry.from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      throw unreadable(entry.from, error);
    },
  );
  try {
    const before = await file.stat();
    if (!before.isFile() || before.size !== entry.bytes) throw changed(entry);
    const hash = createHash("sha256");
    for (let position = 0; position < entry.bytes;) {
      signal.throwIfAborted();
      const buffer = Buffer.allocUnsafe(Math.min(readBytes, entry.bytes - position));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw changed(entry);
      position += bytesRead;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      yield piece;
    }
    const after = await file.stat();
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) throw changed(entry);
    const sha256 = hash.digest("hex");
    if (entry.sha256 !== undefined && entry.sha256 !== sha256) throw await removeDamaged(entry.from);
    onHash(sha256);
  } catch (error) {
    throw signal.aborted || error instanceof HomieError ? error : unreadable(entry.from, error);
  } finally {
    await file.close();
  }
}

/** Left in place, it would spoil every attempt that needs it; gone, it is sent again. */
async function removeDamaged(path: string): Promise<HomieError> {
  await rm(path, { force: true });
  return new HomieError("StateUnusable", `${path} was damaged and has been removed`, {
    hint: "check the disk; it is sent again with the next attempt",
  });
}

function changed(entry: SourceEntry): HomieError {
  return new HomieError("SourceUnreadable", `${entry.from} changed while it was read`, {
    hint: "wait until nothing writes to it, or leave it out with .homieignore or project.exclude",
  });
}
