import { basename, dirname } from "node:path";
import type { Problem } from "../resources/documents.ts";
import type { DeclaredKey, PlacedDocument } from "./desired-diff.ts";
import type { DesiredReading } from "./types.ts";

/** Both sides of a conflict say where the other one is; none for a document that is alone. */
export function conflictProblems(places: readonly PlacedDocument[]): readonly Problem[] {
  if (places.length < 2) return [];
  return places.map((place) => {
    const { kind, metadata } = place.document.manifest;
    const others = places.filter((other) => other !== place).map((other) => `${other.file}:${other.line}`);
    return {
      file: place.file,
      line: place.line,
      column: 1,
      document: place.document.index,
      path: "metadata.name",
      message: `Conflict: ${kind} "${metadata.name}" is declared here and in ${others.join(", ")}`,
      hint: "remove or rename one of them; until then the last good version stays in force",
      kind,
      name: metadata.name,
    };
  });
}

export function unreadableProblems(reading: DesiredReading): readonly Problem[] {
  return reading.unreadable
    .filter((entry) => entry.transient !== true)
    .map(({ path, message }) => wholeFile(path, message, "nothing declared there is deleted meanwhile"));
}

/** One problem for each file that declared something and now says nothing at all. */
export function emptiedProblems(
  held: readonly { readonly key: DeclaredKey; readonly file: string }[],
): readonly Problem[] {
  return [...Map.groupBy(held, ({ file }) => file)].map(([file, objects]) => {
    const message = `the file is empty; ${shownKeys(objects.map(({ key }) => key))} stay in force and nothing was deleted`;
    return wholeFile(file, message, "to delete what it declared remove the file; to keep it write it again");
  });
}

/** One problem for each directory that is gone, not one for each of its objects. */
export function directoryProblems(
  held: readonly { readonly key: DeclaredKey; readonly file: string }[],
  listedDirectories: readonly string[],
): readonly Problem[] {
  const listed = new Set(listedDirectories);
  const byDirectory = new Map<string, DeclaredKey[]>();
  for (const { key, file } of held) {
    const directory = topmostMissing(dirname(file), listed);
    const keys = byDirectory.get(directory) ?? [];
    keys.push(key);
    byDirectory.set(directory, keys);
  }
  return [...byDirectory].map(([directory, keys]) => {
    const message = `directory ${basename(directory)} is gone; ${shownKeys(keys)} stay in force and nothing was deleted`;
    return wholeFile(
      directory,
      message,
      `to delete them create the directory again, empty, or run "homie delete ${shownKeys(keys.slice(0, 1))}"; to keep them bring it back`,
    );
  });
}

function shownKeys(keys: readonly DeclaredKey[]): string {
  const shown = keys.slice(0, 3).map((key) => `${key.kind.toLowerCase()}/${key.name}`);
  return `${shown.join(", ")}${keys.length > shown.length ? ` and ${keys.length - shown.length} more` : ""}`;
}

/** The highest directory that is gone below one that was listed; the directory itself when nothing was listed. */
function topmostMissing(directory: string, listed: ReadonlySet<string>): string {
  for (let at = directory; dirname(at) !== at; at = dirname(at)) {
    if (listed.has(dirname(at))) return at;
  }
  return directory;
}

function wholeFile(file: string, message: string, hint: string): Problem {
  return { file, line: 1, column: 1, document: 0, path: "", message, hint };
}
