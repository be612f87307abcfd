import { dirname } from "node:path";
import type { ParsedFile, Problem } from "../resources/documents.ts";
import { HomieError } from "../resources/errors.ts";
import { declaredKinds } from "../resources/kinds.ts";
import { parseManifests } from "../resources/parse.ts";
import type { Manifest } from "../resources/types.ts";
import { InvalidResourceError } from "./declared-errors.ts";
import type { DeclaredKey } from "./desired-diff.ts";
import type { DesiredFiles, FileSnapshot } from "./desired-files.ts";
import type { ObjectStore } from "./types.ts";

/** A document in desired/ as it is on disk at this moment. */
export interface LiveDocument {
  readonly snapshot: FileSnapshot;
  readonly index: number;
  readonly manifest: Manifest;
  readonly mirroredStatus?: unknown;
  readonly documentsInFile: number;
}

/**
 * The document an object came from; undefined when it came from none, or its file is gone. A file with a problem is
 * never written, so it throws InvalidResourceError with the problems to mend first.
 */
export function readLiveDocument(key: DeclaredKey, store: ObjectStore, files: DesiredFiles): LiveDocument | undefined {
  const troubles = store.problems().filter((problem) => problem.kind === key.kind && problem.name === key.name);
  if (troubles.length > 0) throw new InvalidResourceError(troubles);
  const origin = store.origin(key);
  const snapshot = origin === undefined ? undefined : files.read(origin.file);
  if (snapshot === undefined) return undefined;
  const parsed = parseManifests(snapshot.text, snapshot.path);
  const found = parsed.documents.find(
    ({ manifest }) => manifest.kind === key.kind && manifest.metadata.name === key.name,
  );
  if (parsed.problems.length > 0) throw new InvalidResourceError(parsed.problems);
  if (found === undefined) return undefined;
  return { snapshot, ...found, documentsInFile: parsed.documents.length + parsed.emptyDocuments };
}

/**
 * A directory that vanished holds its objects until somebody creates it again, empty, as the sign to delete them. homie
 * never gives that sign by itself: throws HomieError Conflict when `path` lies in such a directory.
 */
export function requireNoHeldObjects(path: string, store: ObjectStore, files: DesiredFiles): void {
  for (
    let directory = dirname(path);
    !files.exists(directory) && dirname(directory) !== directory;
    directory = dirname(directory)
  ) {
    const held = declaredKinds
      .flatMap((kind) => store.list(kind))
      .find(({ kind, metadata }) => dirname(store.origin({ kind, name: metadata.name })?.file ?? "") === directory);
    if (held === undefined) continue;
    throw new HomieError(
      "Conflict",
      `cannot write ${path}: its directory vanished and still holds ${held.kind} "${held.metadata.name}"`,
      {
        hint: `bring ${directory} back, or create it empty to delete what it held`,
      },
    );
  }
}

/** Throws InvalidResourceError unless every document is sound and there is at least one. */
export function requireSound(parsed: ParsedFile, file: string): void {
  if (parsed.problems.length > 0) throw new InvalidResourceError(parsed.problems);
  if (parsed.documents.length > 0) return;
  throw new HomieError("InvalidResource", `cannot apply ${file}: it holds no document`, {
    hint: 'a document begins with "apiVersion: homie.dev/v1"',
  });
}

export function wholeProblem(file: string, message: string, fields: Partial<Problem> = {}): Problem {
  return { file, line: 1, column: 1, document: 0, path: "", message, ...fields };
}
