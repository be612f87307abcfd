import { access, lstat, mkdir, readFile, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Attempt } from "../../resources/attempt.ts";
import { partSuffix, replaceFile } from "../project/replace-file.ts";

/** Says whose results a directory holds; never listed as an output. */
export const resultsMarker = ".homie-results.json";

interface Marker {
  readonly uid: string;
  readonly generation: number;
  readonly attempt: number;
}

/**
 * The directory for this attempt's results. What an earlier attempt, generation or job of that name left there is moved
 * aside first, never mixed and never overwritten. Killed at any point, the next call carries on.
 */
export async function openResultsDirectory(results: string, jobName: string, attempt: Attempt): Promise<string> {
  const directory = join(results, jobName);
  const wanted: Marker = {
    uid: attempt.spec.job.uid,
    generation: attempt.spec.job.generation,
    attempt: attempt.spec.attempt,
  };
  await mkdir(results, { recursive: true, mode: 0o700 });
  const found = await lookAt(directory);
  if (sameMarker(found.marker, wanted)) return directory;
  if (found.holds === "something")
    await rename(directory, await freeName(directory, asideSuffix(found.marker, wanted)));
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await replaceFile(join(directory, resultsMarker), JSON.stringify(wanted), 0o644);
  return directory;
}

type Found = { readonly holds: "nothing" | "something"; readonly marker?: Marker };

async function lookAt(directory: string): Promise<Found> {
  const facts = await lstat(directory).catch((error: unknown) => ignoreMissing(error));
  if (facts === undefined) return { holds: "nothing" };
  if (!facts.isDirectory()) return { holds: "something" };
  const marker = await readMarker(join(directory, resultsMarker));
  if (marker !== undefined) return { holds: "something", marker };
  return { holds: (await isUnmarked(directory)) ? "nothing" : "something" };
}

/** Made by a run that was killed before it had written the marker: there is nothing in it, or the marker in part, which goes. */
async function isUnmarked(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  if (!names.every((name) => name.startsWith(`${resultsMarker}.`) && name.endsWith(partSuffix))) return false;
  for (const name of names) await rm(join(directory, name), { force: true });
  return true;
}

async function readMarker(path: string): Promise<Marker | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => ignoreMissing(error));
  if (text === undefined) return undefined;
  try {
    const { uid, generation, attempt } = JSON.parse(text) as Partial<Marker>;
    return typeof uid === "string" && typeof generation === "number" && typeof attempt === "number"
      ? { uid, generation, attempt }
      : undefined;
  } catch {
    // Somebody edited it: the directory is moved aside like any other that is not ours.
    return undefined;
  }
}

function sameMarker(one: Marker | undefined, other: Marker): boolean {
  return one?.uid === other.uid && one.generation === other.generation && one.attempt === other.attempt;
}

function asideSuffix(found: Marker | undefined, wanted: Marker): string {
  if (found === undefined) return ".g0";
  const isOtherAttempt = found.uid === wanted.uid && found.generation === wanted.generation;
  return isOtherAttempt ? `.g${found.generation}-a${found.attempt}` : `.g${found.generation}`;
}

async function freeName(directory: string, suffix: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = `${directory}${suffix}${number === 1 ? "" : `.${number}`}`;
    const isFree = await access(name).then(
      () => false,
      () => true,
    );
    if (isFree) return name;
  }
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
}
