import { stat } from "node:fs/promises";
import type { AttemptSources } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { collisionKey, unsafeNameReason } from "../../tar/names.ts";
import { checkProjectPath } from "./check-project-path.ts";
import { excludeRules } from "./ignore-rules.ts";
import { unreadable, walkTree } from "./walk-tree.ts";

/** Something that travels: where it lands below the work directory, and where it is now. */
export interface SourceEntry {
  /** Relative to the work directory, forward slashes. */
  readonly path: string;
  readonly kind: "file" | "directory";
  /** Absolute; of a link inside the project, the file it leads to. */
  readonly from: string;
  readonly bytes: number;
  readonly executable: boolean;
  readonly mtimeMs: number;
  /** Hex; of a file that has to have this content. */
  readonly sha256?: string;
}

export interface SourceSurvey {
  /** Sorted, so that a directory comes before what is in it. */
  readonly entries: readonly SourceEntry[];
  /** What was left out although no rule asked for it: links, devices, FIFOs, sockets. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

const maxSourceEntries = 100_000;

/** Throws HomieError SourceUnreadable, naming the path and what to do. */
export async function listSources(
  sources: AttemptSources,
  signal: AbortSignal,
  homieRoot?: string,
): Promise<readonly SourceEntry[]> {
  return (await surveySources(sources, signal, homieRoot)).entries;
}

/** `listSources`, and what was skipped. `homieRoot` never travels, wherever the project lies. */
export async function surveySources(
  sources: AttemptSources,
  signal: AbortSignal,
  homieRoot?: string,
): Promise<SourceSurvey> {
  const survey = new Survey(signal, homieRoot);
  if (sources.projectPath !== undefined) {
    const root = await checkProjectPath(sources.projectPath, homieRoot);
    await survey.addTree(root, "", await excludeRules(sources.exclude).within("", root));
  }
  for (const file of sources.files) await survey.addDeclared(file);
  return survey.result();
}

class Survey {
  readonly #signal: AbortSignal;
  readonly #homieRoot: string | undefined;
  readonly #entries = new Map<string, SourceEntry>();
  readonly #skipped: { path: string; reason: string }[] = [];

  constructor(signal: AbortSignal, homieRoot: string | undefined) {
    this.#signal = signal;
    this.#homieRoot = homieRoot;
  }

  async addTree(root: string, to: string, rules: Parameters<typeof walkTree>[0]["rules"]): Promise<void> {
    const walk = walkTree({
      root,
      rules,
      signal: this.#signal,
      skip: (path, reason) => this.#skipped.push({ path: joinPath(to, path), reason }),
      ...(this.#homieRoot === undefined ? {} : { homieRoot: this.#homieRoot }),
    });
    for await (const found of walk) this.#add({ ...found, path: joinPath(to, found.path) });
  }

  async addDeclared(file: { readonly from: string; readonly to: string }): Promise<void> {
    const to = file.to.replace(/^(\.\/)+|^\.$/, "").replace(/\/+$/, "");
    const facts = await stat(file.from).catch((error: unknown) => {
      throw unreadable(file.from, error);
    });
    if (to !== "") this.#addParents(to, file.from, facts.mtimeMs);
    if (facts.isDirectory()) {
      if (to !== "")
        this.#add({
          path: to,
          kind: "directory",
          from: file.from,
          bytes: 0,
          executable: false,
          mtimeMs: facts.mtimeMs,
        });
      await this.addTree(file.from, to, excludeRules([]));
      return;
    }
    if (!facts.isFile()) throw new HomieError("SourceUnreadable", `${file.from} is neither a file nor a directory`);
    const executable = (facts.mode & 0o111) !== 0;
    this.#add({ path: to, kind: "file", from: file.from, bytes: facts.size, executable, mtimeMs: facts.mtimeMs });
  }

  #addParents(path: string, from: string, mtimeMs: number): void {
    for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
      this.#add({ path: path.slice(0, slash), kind: "directory", from, bytes: 0, executable: false, mtimeMs });
    }
  }

  /** A declared file replaces the project's file of the same path: the script usually is in both. */
  #add(entry: SourceEntry): void {
    const reason = unsafeNameReason(entry.path);
    if (reason !== undefined) {
      throw new HomieError("SourceUnreadable", `${JSON.stringify(entry.path)} cannot travel: ${reason}`, {
        hint: "rename it, or leave it out with .homieignore or project.exclude",
      });
    }
    const known = this.#entries.get(entry.path);
    if (known !== undefined && known.kind !== entry.kind) {
      throw new HomieError(
        "SourceUnreadable",
        `${entry.path} would be both a file and a directory in the work directory`,
      );
    }
    this.#entries.set(entry.path, entry);
    if (this.#entries.size > maxSourceEntries) {
      throw new HomieError("SourceUnreadable", `the project has more than ${maxSourceEntries} files and directories`, {
        hint: "leave out what the job does not need with .homieignore or project.exclude",
      });
    }
  }

  result(): SourceSurvey {
    const entries = [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const folded = new Map<string, string>();
    for (const { path } of entries) {
      const key = collisionKey(path);
      const other = folded.get(key);
      if (other !== undefined) {
        throw new HomieError("SourceUnreadable", `${other} and ${path} would be one file on some machines`, {
          hint: "rename one of them, or leave it out with .homieignore or project.exclude",
        });
      }
      folded.set(key, path);
    }
    return { entries, skipped: this.#skipped };
  }
}

function joinPath(base: string, path: string): string {
  return base === "" ? path : `${base}/${path}`;
}
