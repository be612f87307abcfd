import { sameContent } from "../resources/canonical.ts";
import { renderManifest } from "../resources/edit-document.ts";
import { parseManifests } from "../resources/parse.ts";
import type { Manifest } from "../resources/types.ts";
import type { AppliedDocument } from "./apply-plan.ts";
import { InvalidResourceError } from "./declared-errors.ts";
import type { PlacedDocument } from "./desired-diff.ts";
import { conflictProblems } from "./desired-problems.ts";
import { sliceDocuments } from "./document-slices.ts";
import { requireSound } from "./live-document.ts";
import { idOf, manifestKey } from "./object-drafts.ts";

/** The documents of an input, each with its own bytes. Throws InvalidResourceError for the first unsound thing. */
export function parseInput(text: string, file: string): readonly AppliedDocument[] {
  const parsed = parseManifests(text, file);
  requireSound(parsed, file);
  const slices = sliceDocuments(text);
  const places = new Map<string, PlacedDocument[]>();
  for (const document of parsed.documents) {
    const id = idOf(manifestKey(document.manifest));
    places.set(id, [...(places.get(id) ?? []), { file, line: slices[document.index]?.line ?? 1, document }]);
  }
  const doubles = [...places.values()].flatMap(conflictProblems);
  if (doubles.length > 0) throw new InvalidResourceError(doubles);
  const [only] = parsed.documents;
  if (only !== undefined && parsed.documents.length + parsed.emptyDocuments === 1) {
    return [{ manifest: only.manifest, text }];
  }
  return parsed.documents.map(({ manifest, index }) => ({
    manifest,
    text: ownText(manifest, slices[index]?.text, file),
  }));
}

/** The bytes of the document if they stand for it by themselves, else the document written anew. */
function ownText(manifest: Manifest, slice: string | undefined, file: string): string {
  if (slice === undefined) return renderManifest(manifest);
  const alone = parseManifests(slice, file);
  const [document] = alone.documents;
  const same =
    alone.problems.length === 0 &&
    alone.documents.length === 1 &&
    document?.index === 0 &&
    sameContent(document.manifest, manifest);
  return same ? slice : renderManifest(manifest);
}
