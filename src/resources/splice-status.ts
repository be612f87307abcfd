import { isMap } from "yaml";
import type { Document } from "yaml";
import { sameContent } from "./canonical.ts";
import { documentEnd, fieldEdits } from "./field-edits.ts";
import { applyEdit, fingerprint, isSound, readDocuments, valueOf } from "./sound-documents.ts";

export type SpliceOutcome =
  /** `status`: as it is read back from the text; undefined when there is none in it. */
  | { readonly ok: true; readonly text: string; readonly status: unknown }
  | { readonly ok: false; readonly reason: string };

/**
 * Puts `status` into one document of a text, or takes it out (undefined). Only the bytes of the top-level `status:` node
 * change: comments, order, quotes, line ends and the other documents stay as they are. The outcome is read again and
 * compared before it is given out; when anything else would change, the answer is a refusal and the reason for the log.
 */
export function spliceStatus(text: string, documentIndex: number, status: unknown): SpliceOutcome {
  const before = readDocuments(text);
  if ("reason" in before) return { ok: false, reason: before.reason };
  const document = before.documents[documentIndex];
  if (document === undefined) return { ok: false, reason: `there is no document ${documentIndex} in the text` };
  if (!isSound(document)) return { ok: false, reason: "the document has problems" };
  if (!isMap(document.contents)) return { ok: false, reason: "the document is not a map" };
  if (status === undefined && !document.has("status")) return { ok: true, text, status };
  const wanted = plainCopy(status);
  const map = document.contents;
  for (const edit of fieldEdits({
    text,
    map,
    name: "status",
    value: wanted,
    appendAt: documentEnd(text, document, map),
  })) {
    const edited = applyEdit(text, edit);
    if (differenceAfter(before.documents, edited, documentIndex, wanted) === undefined)
      return { ok: true, text: edited, status: wanted };
  }
  return { ok: false, reason: "the status block cannot be changed without changing other parts of the text" };
}

/** The text without any `status:` block; documents whose block cannot be taken out keep it. */
export function stripStatus(text: string): string {
  const reading = readDocuments(text);
  if ("reason" in reading) return text;
  return reading.documents.reduce((stripped, _document, index) => {
    const outcome = spliceStatus(stripped, index, undefined);
    return outcome.ok ? outcome.text : stripped;
  }, text);
}

/** What else an edit would have changed, or undefined. */
function differenceAfter(
  before: readonly Document.Parsed[],
  edited: string,
  index: number,
  status: unknown,
): string | undefined {
  const after = readDocuments(edited);
  if ("reason" in after) return after.reason;
  if (after.documents.length !== before.length) return "number of documents";
  for (const [position, document] of after.documents.entries()) {
    const original = before[position];
    const ignored = position === index ? "status" : undefined;
    if (original === undefined || fingerprint(original, ignored) !== fingerprint(document, ignored))
      return "other content";
  }
  const document = after.documents[index];
  if (document === undefined || !isSound(document)) return "status is not plain YAML";
  const found = (valueOf(document) as Readonly<Record<string, unknown>> | undefined)?.["status"];
  return sameContent(found, status) ? undefined : "status";
}

/** As it will come back from a file: undefined fields gone, dates as text. */
function plainCopy(status: unknown): unknown {
  return status === undefined ? undefined : (JSON.parse(JSON.stringify(status)) as unknown);
}
