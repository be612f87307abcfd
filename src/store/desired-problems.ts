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
    const shown = keys.slice(0, 3).map((key) => `${key.kind.toLowerCase()}/${key.name}`);
    const rest = keys.length > shown.length ? ` and ${keys.length - shown.length} more` : "";
    const message = `directory ${basename(directory)} is gone; ${shown.join(", ")}${rest} stay in force and nothing was deleted`;
    return wholeFile(
      directory,
      message,
      `to delete them create the directory again, empty, or run "homie delete ${shown[0] ?? ""}"; to keep them bring it back`,
    );
  });
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
