import type { Document } from "yaml";
import type { TextEdit } from "./field-edits.ts";
import { refusalsOf } from "./refusals.ts";
import { decodeText, readYaml } from "./yaml-text.ts";

/** The documents of a text that is about to be edited, or why it is not to be touched. */
export function readDocuments(
  text: string,
): { readonly documents: readonly Document.Parsed[] } | { readonly reason: string } {
  const decoded = decodeText(text);
  if (!decoded.ok) return { reason: decoded.message };
  const reading = readYaml(text);
  return reading.ok ? reading : { reason: reading.message };
}

/** Whether the document has one meaning: no syntax errors, aliases, doubled keys and the like. */
export function isSound(document: Document.Parsed): boolean {
  return document.errors.length === 0 && !refusalsOf(document).some(({ ambiguous }) => ambiguous);
}

export function valueOf(document: Document.Parsed): unknown {
  return document.toJS({ maxAliasCount: 0 });
}

/** All a document says, key order included, but for one top-level field; of a broken one, what is wrong with it. */
export function fingerprint(document: Document.Parsed, ignoredField?: string): string {
  if (!isSound(document)) {
    return `broken: ${document.errors.map(({ code }) => code).join()} ${document.range[2] - document.range[0]}`;
  }
  const value = valueOf(document);
  if (ignoredField === undefined || typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  return JSON.stringify(Object.entries(value).filter(([key]) => key !== ignoredField));
}

export function applyEdit(text: string, { start, end, text: inserted }: TextEdit): string {
  return text.slice(0, start) + inserted + text.slice(end);
}
