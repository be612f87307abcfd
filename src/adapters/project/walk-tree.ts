import type { Dirent, Stats } from "node:fs";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import type { IgnoreRules } from "./ignore-rules.ts";

export interface FoundEntry {
  /** Relative to the walked root. */
  readonly path: string;
  readonly kind: "file" | "directory";
  readonly from: string;
  readonly bytes: number;
  readonly executable: boolean;
  readonly mtimeMs: number;
}

export interface TreeWalk {
  readonly root: string;
  readonly rules: IgnoreRules;
  readonly signal: AbortSignal;
  skip(path: string, reason: string): void;
  /** A directory that is left out wherever it turns up. */
  readonly homieRoot?: string;
}

/** Files and directories below `root`, sorted by name in each directory. Opens no file but ignore files. */
export async function* walkTree(walk: TreeWalk): AsyncIterable<FoundEntry> {
  const root = await realpath(walk.root);
  const homieRoot =
    walk.homieRoot === undefined ? undefined : await realpath(walk.homieRoot).catch(() => walk.homieRoot);
  yield* walkDirectory({ ...walk, root, ...(homieRoot === undefined ? {} : { homieRoot }) }, "", walk.rules);
}

async function* walkDirectory(walk: TreeWalk, directory: string, rules: IgnoreRules): AsyncIterable<FoundEntry> {
  walk.signal.throwIfAborted();
  const absolute = join(walk.root, directory);
  const children = await readdir(absolute, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(absolute, error);
  });
  children.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const child of children) {
    const path = directory === "" ? child.name : `${directory}/${child.name}`;
    if (rules.ignores(path, child.isDirectory())) continue;
    const found = await lookAt(walk, child, path);
    if (found === undefined) continue;
    yield found;
    if (found.kind === "directory") yield* walkDirectory(walk, path, await rules.within(path, found.from));
  }
}

async function lookAt(walk: TreeWalk, child: Dirent, path: string): Promise<FoundEntry | undefined> {
  const absolute = join(walk.root, path);
  if (child.isDirectory()) {
    if (absolute === walk.homieRoot) return undefined;
    return describe(path, "directory", absolute, await lstatOf(absolute));
  }
  if (child.isFile()) return describe(path, "file", absolute, await lstatOf(absolute));
  if (child.isSymbolicLink()) return followLink(walk, path, absolute);
  walk.skip(path, "neither a file nor a directory");
  return undefined;
}

/** A link to a file of the project travels as that file; every other link stays, so nothing outside is sent by accident. */
async function followLink(walk: TreeWalk, path: string, absolute: string): Promise<FoundEntry | undefined> {
  const target = await realpath(absolute).catch(() => undefined);
  if (target === undefined) {
    walk.skip(path, "a link that leads nowhere");
    return undefined;
  }
  const isInside = target.startsWith(walk.root + sep) && !target.slice(walk.root.length).split(sep).includes(".git");
  const isHomies = walk.homieRoot !== undefined && target.startsWith(walk.homieRoot + sep);
  const facts = isInside && !isHomies ? await stat(target) : undefined;
  if (facts?.isFile() === true) return describe(path, "file", target, facts);
  walk.skip(path, facts === undefined ? "a link that leads out of the project" : "a link to something that is no file");
  return undefined;
}

async function lstatOf(path: string): Promise<Stats> {
  return lstat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

function describe(path: string, kind: FoundEntry["kind"], from: string, facts: Stats): FoundEntry {
  const isFile = kind === "file";
  return {
    path,
    kind,
    from,
    bytes: isFile ? facts.size : 0,
    executable: isFile && (facts.mode & 0o111) !== 0,
    mtimeMs: facts.mtimeMs,
  };
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
  ELOOP: "it is a link that leads in a circle",
  ENOTDIR: "a part of its path is not a directory",
};

export function unreadable(path: string, error: unknown): HomieError {
  if (error instanceof HomieError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return new HomieError("SourceUnreadable", `cannot read ${path}: ${reasons[code] ?? String(error)}`, {
    hint: "paths are relative to the directory of the YAML file, or to where homie run was called",
    cause: error,
  });
}
