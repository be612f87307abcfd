import { createHash } from "node:crypto";
import { mkdir, realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import type { PublishOutcome, Publisher } from "../../controllers/job/ports.ts";
import type { Logger } from "../../reconciler/types.ts";
import type { Attempt, StagedOutput } from "../../resources/attempt.ts";
import type { CollectedFile, Job } from "../../resources/job.ts";
import { HomieError } from "../../resources/errors.ts";
import { unsafeNameReason } from "../../tar/names.ts";
import { attemptPaths } from "../home.ts";
import type { HomePaths } from "../home.ts";
import { inParallel } from "../in-parallel.ts";
import { fsyncDirectory } from "../project/replace-file.ts";
import { smallBytes } from "./flushes.ts";
import { hashIfFile, placeFile, prepareParent, removePart } from "./place-file.ts";
import type { FileToPlace } from "./place-file.ts";
import { openResultsDirectory, resultsMarker } from "./results-directory.ts";

/** What homie itself wrote outside its home, by absolute path: only that may it overwrite. */
export interface PublishedFiles {
  recordPublished(path: string, sha256: string, uid: string): void;
  publishedSha(path: string): string | undefined;
}

export interface PublisherOptions {
  readonly paths: HomePaths;
  readonly published: PublishedFiles;
  readonly log: Logger;
}

/** A disk makes many small files durable together nearly as fast as one. */
const filesAtOnce = 16;
/** "true" on a Job: its outputs replace files that homie did not write (`homie run --force`). */
const overwriteAnnotation = "homie.dev/overwrite";

/** Brings a finished attempt's files to where the job wants them. Killed at any point, the next run completes it. */
export function createPublisher(options: PublisherOptions): Publisher {
  return {
    async publish(job, attempt, signal) {
      const publication = new Publication(options, job, attempt);
      const all = [...(attempt.status?.outputs ?? []).entries()];
      const place = ([index, output]: readonly [number, StagedOutput]): Promise<void> => {
        signal.throwIfAborted();
        return publication.place(output, index);
      };
      const isSmall = ([, { bytes }]: readonly [number, StagedOutput]): boolean => bytes <= smallBytes;
      await inParallel(all.filter(isSmall), filesAtOnce, place);
      for (const each of all.filter((one) => !isSmall(one))) await place(each);
      await publication.settle();
      return publication.outcome();
    },
  };
}

class Publication {
  readonly #options: PublisherOptions;
  readonly #job: Job;
  readonly #attempt: Attempt;
  /** By the outputs' places in the attempt's list. */
  readonly #placed: { readonly output: StagedOutput; readonly directory: string }[] = [];
  readonly #diverted: { path: string; because: string }[] = [];
  /** Directories that got a new name. */
  readonly #touched = new Set<string>();
  readonly #parents = new Map<string, Promise<string | undefined>>();
  #results: Promise<string> | undefined;

  constructor(options: PublisherOptions, job: Job, attempt: Attempt) {
    this.#options = options;
    this.#job = job;
    this.#attempt = attempt;
  }

  async place(output: StagedOutput, index: number): Promise<void> {
    // The list comes from the executor, which need not be this machine.
    const reason =
      unsafeNameReason(output.path) ?? (output.path === resultsMarker ? "the name is homie's own" : undefined);
    if (reason !== undefined)
      throw new HomieError("OutputRejected", `the output ${JSON.stringify(output.path)} is refused: ${reason}`);
    const to = this.#attempt.spec.outputs[output.rule]?.to;
    if (to === undefined) return this.#placeInResults(output, index);
    const because = await this.#placeIn(to, output).catch(refusalOf);
    if (because === undefined) {
      this.#placed[index] = { output, directory: to };
      return;
    }
    this.#diverted[index] = { path: output.path, because };
    this.#options.log.warn("an output was not put where the job wants it", {
      job: this.#job.metadata.name,
      path: output.path,
      to,
      because,
    });
    await this.#placeInResults(output, index);
  }

  /** The new names are durable. */
  async settle(): Promise<void> {
    await inParallel([...this.#touched], filesAtOnce, fsyncDirectory);
  }

  async #placeInResults(output: StagedOutput, index: number): Promise<void> {
    this.#results ??= openResultsDirectory(this.#options.paths.results, this.#job.metadata.name, this.#attempt);
    const directory = await this.#results;
    const parent = await this.#parentOf(directory, output.path);
    const there = parent === undefined ? "" : await hashIfFile(join(parent, basename(output.path)));
    if (parent === undefined || there === "") {
      throw new HomieError(
        "OutputRejected",
        `${join(directory, output.path)} cannot be written: a link or a file stands in its way`,
        {
          hint: `remove what is not a directory below ${directory}`,
        },
      );
    }
    if (there !== output.sha256) await this.#put(this.#fileFor(output, directory), parent, { replace: true });
    this.#placed[index] = { output, directory };
  }

  /** Why the file was not put into a directory of the user's, or undefined when it is there. */
  async #placeIn(to: string, output: StagedOutput): Promise<string | undefined> {
    await mkdir(to, { recursive: true, mode: 0o755 });
    if (await this.#isHomies(to)) return `${to} is part of homie's own files`;
    const parent = await this.#parentOf(to, output.path);
    if (parent === undefined) return "a link or a file stands in the way of its directory";
    const destination = join(parent, basename(output.path));
    const file = this.#fileFor(output, to);
    await removePart(file, parent);
    const verdict = await this.#judge(destination, output.sha256);
    if (verdict.because !== undefined) return verdict.because;
    if (verdict.step === "create") {
      // Written down first: a file found without a record later would count as the user's.
      this.#record(destination, output);
      if (!(await this.#put(file, parent, { replace: false }))) return `${destination} appeared meanwhile`;
    }
    if (verdict.step === "replace") await this.#put(file, parent, { replace: true });
    if (verdict.step !== "keep") this.#record(destination, output);
    return undefined;
  }

  /** Every directory is looked at once: what follows goes there by its real path. */
  #parentOf(directory: string, path: string): Promise<string | undefined> {
    const key = join(directory, dirname(path));
    const known = this.#parents.get(key) ?? prepareParent(directory, path);
    this.#parents.set(key, known);
    return known;
  }

  #put(file: FileToPlace, parent: string, how: { readonly replace: boolean }): Promise<boolean> {
    this.#touched.add(parent);
    return placeFile(file, parent, how);
  }

  async #judge(
    destination: string,
    sha256: string,
  ): Promise<{ readonly step?: "create" | "replace" | "adopt" | "keep"; readonly because?: string }> {
    const there = await hashIfFile(destination);
    if (there === undefined) return { step: "create" };
    const recorded = this.#options.published.publishedSha(destination);
    // Renamed by a run that was killed before it could say so, or simply the same again.
    if (there === sha256) return { step: recorded === undefined ? "keep" : "adopt" };
    // Only a file gives way to a file: what else stands there was surely not meant.
    if (there !== "" && this.#job.metadata.annotations?.[overwriteAnnotation] === "true") return { step: "replace" };
    if (recorded === undefined) return { because: `${destination} was there and homie did not write it` };
    if (recorded !== there) return { because: `${destination} was changed since homie wrote it` };
    return { step: "replace" };
  }

  async #isHomies(to: string): Promise<boolean> {
    const root = await realpath(this.#options.paths.root);
    const real = await realpath(to);
    const results = join(root, "results");
    return (real === root || real.startsWith(root + sep)) && !(real === results || real.startsWith(results + sep));
  }

  #record(destination: string, output: StagedOutput): void {
    this.#options.published.recordPublished(destination, output.sha256, this.#attempt.spec.job.uid);
  }

  #fileFor(output: StagedOutput, directory: string): FileToPlace {
    const { outputs } = attemptPaths(this.#options.paths, this.#attempt.spec.job.uid, this.#attempt.spec.attempt);
    const tag = createHash("sha256").update(`${this.#attempt.metadata.name}/${output.path}`).digest("hex").slice(0, 16);
    const { path, sha256, executable } = output;
    return { source: join(outputs, path), directory, path, sha256, executable, tag };
  }

  outcome(): PublishOutcome {
    const counts = new Map<string, number>();
    for (const { directory } of this.#placed) counts.set(directory, (counts.get(directory) ?? 0) + 1);
    const [most] = [...counts].sort((a, b) => b[1] - a[1]);
    const path = most?.[0] ?? join(this.#options.paths.results, this.#job.metadata.name);
    const files = this.#placed.map(({ output, directory }): CollectedFile => {
      // What lies elsewhere is named in full, so that resolving against `path` always leads to the file.
      const shown = directory === path ? output.path : join(directory, output.path);
      return { path: shown, bytes: output.bytes, sha256: output.sha256 };
    });
    return { files, path, diverted: Object.values(this.#diverted) };
  }
}

/** A directory this user may not write to is no reason to fail for ever: the file is kept among the results. */
function refusalOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (!["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "EISDIR", "ENAMETOOLONG", "ELOOP"].includes(code)) throw error;
  return `the directory cannot be written (${code})`;
}
