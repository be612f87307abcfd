import { Document, isMap, isNode, isScalar, isSeq, parseDocument, stringify, visit } from "yaml";
import type { Node, Pair } from "yaml";
import { HomieError } from "./errors.ts";
import { blockOf, blockStyle, fieldEdits, renderFlow } from "./field-edits.ts";
import type { TextEdit } from "./field-edits.ts";
import { valueChanges } from "./manifest-changes.ts";
import type { ValueChange } from "./manifest-changes.ts";
import { applyEdit, fingerprint, isSound, readDocuments, valueOf } from "./sound-documents.ts";
import type { Manifest } from "./types.ts";
import { sameContent } from "./canonical.ts";

/**
 * Makes one document of a text say what `manifest` says. Only the lines of fields that differ change; a list that grows
 * or shrinks is written anew with its comments. `status` and the other documents keep their bytes. Throws HomieError
 * InvalidResource when the document has problems, or is written in a way that cannot be edited without a person.
 */
export function editDocument(text: string, documentIndex: number, manifest: Manifest): string {
  const { metadata, spec } = valueOf(soundDocument(text, documentIndex)) as Manifest;
  const changes = [
    ...valueChanges(metadata ?? {}, manifest.metadata, ["metadata"]),
    ...valueChanges(spec, manifest.spec, ["spec"]),
  ];
  return changes.reduce((edited, change) => applyChange(edited, documentIndex, change), text);
}

/**
 * The text without one of its documents; undefined when nothing but empty documents would be left. Throws HomieError
 * InvalidResource when there is no such document.
 */
export function removeDocument(text: string, index: number): string | undefined {
  const documents = documentsOf(text);
  const document = documents[index];
  if (document === undefined) throw unfit(`there is no document ${index} in the text`);
  const others = documents.filter((candidate) => candidate !== document);
  if (others.every((other) => other.errors.length === 0 && isEmpty(other))) return undefined;
  const next = documents[index + 1];
  const rest = text.slice(0, document.range[0]) + (next === undefined ? "" : text.slice(next.range[0]));
  const left = documentsOf(rest)
    .map((one) => fingerprint(one))
    .join("\n");
  if (left === others.map((other) => fingerprint(other)).join("\n")) return rest;
  throw unfit("the document cannot be taken out without changing the others");
}

/** A new file for one resource. The first line gives editors completion and checks. */
export function renderManifest(manifest: Manifest): string {
  const { apiVersion, kind, metadata, spec } = manifest;
  const schema = `# yaml-language-server: $schema=https://homie.dev/schemas/v1/${kind.toLowerCase()}.schema.json`;
  const content = { apiVersion, kind, metadata, spec };
  const readable = stringify(content, { ...blockStyle, blockQuote: "literal" });
  // The library writes some texts of spaces and newlines as block scalars that read back differently.
  const isTrue = sameContent(parseDocument(readable).toJS(), content);
  return `${schema}\n${isTrue ? readable : stringify(content, blockStyle)}`;
}

function applyChange(text: string, index: number, change: ValueChange): string {
  const document = soundDocument(text, index);
  const wanted = fingerprintAfter(document, change);
  for (const edit of [...directEdits(text, document, change), ...rewriteEdits(text, index, change)]) {
    const edited = applyEdit(text, edit);
    if (isAsWanted(text, edited, index, wanted)) return edited;
  }
  throw unfit(`the field ${change.segments.join(".")} is written in a way that cannot be edited here`);
}

/** Nothing but the bytes of the field itself. */
function directEdits(text: string, document: Document.Parsed, change: ValueChange): readonly TextEdit[] {
  const { segments, value } = change;
  const name = segments.at(-1);
  const parent = document.getIn(segments.slice(0, -1), true);
  const node = document.getIn(segments, true);
  const place = scalarPlace(node);
  if (place !== undefined && value !== undefined && !isStructured(value)) {
    const [start, end] = place;
    const written = isMap(parent) && parent.flow !== true ? stringify(value, blockStyle).trimEnd() : renderFlow(value);
    return start === end ? [] : [{ start, end, text: written }];
  }
  if (!isMap(parent) || typeof name !== "string") return [];
  // Written anew, a list or map would lose the comments in it.
  const losesComments = isStructured(value) && isNode(node) && hasComment(text, keyEnd(parent, name), node);
  return losesComments ? [] : fieldEdits({ text, map: parent, name, value });
}

/** Where a scalar stands that is not a block of lines. */
function scalarPlace(node: unknown): readonly [start: number, end: number] | undefined {
  if (!isScalar(node) || !node.range) return undefined;
  const isBlock = node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED";
  return isBlock ? undefined : [node.range[0], node.range[1]];
}

function hasComment(text: string, from: number, node: Node): boolean {
  return /(?:^|\s)#/.test(text.slice(from, node.range?.[1] ?? from));
}

/** Comments between a field's name and its value belong to the value. */
function keyEnd(parent: unknown, name: string | number | undefined): number {
  if (!isMap(parent)) return 0;
  const pair = (parent.items as Pair<Node, Node | null>[]).find(({ key }) => isScalar(key) && key.value === name);
  return pair?.key.range?.[1] ?? 0;
}

/** All of `metadata:` or `spec:`, written anew from its nodes: comments and order stay, spacing may not. */
function rewriteEdits(text: string, index: number, { segments, value }: ValueChange): readonly TextEdit[] {
  const document = soundDocument(text, index);
  if (!isMap(document.contents) || document.contents.flow === true) return [];
  const pair = (document.contents.items as Pair<Node, Node | null>[]).find(
    ({ key }) => isScalar(key) && key.value === segments[0],
  );
  const block = pair === undefined ? undefined : blockOf(text, pair);
  if (pair === undefined || block === undefined) return [];
  dropTrailingComments(pair.value);
  setValue(document, segments, value);
  const holder = new Document({});
  pair.key.commentBefore = null;
  pair.key.spaceBefore = false;
  if (isMap(holder.contents)) holder.contents.items = [pair as never];
  const eol = text.slice(block.start, block.end).endsWith("\r\n") ? "\r\n" : "\n";
  const lines = holder
    .toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Infinity })
    .replace(/\n$/, "")
    .split("\n");
  const rendered = lines.map((line) => (line === "" ? line : `${block.indent}${line}`)).join(eol);
  const hasEol = text[block.end - 1] === "\n";
  return [{ start: block.start, end: block.end, text: hasEol ? `${rendered}${eol}` : rendered }];
}

/** Comments behind the last line lie outside of what is replaced, and stay there. */
function dropTrailingComments(node: Node | null): void {
  let last = node;
  while (isMap(last) || isSeq(last)) {
    if (last.flow === true) return;
    last.comment = null;
    const item: unknown = last.items.at(-1);
    last = (isMap(last) ? (item as Pair<Node, Node | null> | undefined)?.value : (item as Node | undefined)) ?? null;
  }
}

/** New texts stand in quotes when they have lines: block scalars do not bear every mixture of spaces and newlines. */
function newNode(document: Document.Parsed, value: unknown): Node {
  const node = document.createNode(value) as Node;
  visit(node, {
    Scalar(_key, scalar) {
      if (typeof scalar.value === "string" && scalar.value.includes("\n")) scalar.type = "QUOTE_DOUBLE";
    },
  });
  return node;
}

/** Lists are changed item by item, so that comments of items that stay do so, too. */
function setValue(document: Document.Parsed, segments: readonly (string | number)[], value: unknown): void {
  const node = document.getIn(segments, true);
  if (value === undefined) document.deleteIn(segments);
  else if (isSeq(node) && Array.isArray(value)) {
    const before = node.toJS(document) as readonly unknown[];
    const items = value.map((item) => {
      const kept = before.findIndex((known) => sameContent(known, item));
      return kept < 0 ? newNode(document, item) : node.items[kept];
    });
    node.items = items;
  } else document.setIn(segments, newNode(document, value));
}

function fingerprintAfter(document: Document.Parsed, { segments, value }: ValueChange): unknown {
  const copy = structuredClone(valueOf(document)) as Record<string, unknown>;
  let parent = copy as Record<string | number, unknown>;
  for (const segment of segments.slice(0, -1)) parent = parent[segment] as Record<string | number, unknown>;
  const name = segments.at(-1) ?? "";
  if (value === undefined) delete parent[name];
  else parent[name] = value;
  return copy;
}

function isAsWanted(before: string, edited: string, index: number, wanted: unknown): boolean {
  const reading = readDocuments(edited);
  if ("reason" in reading) return false;
  const originals = documentsOf(before);
  if (reading.documents.length !== originals.length) return false;
  return reading.documents.every((document, position) => {
    const original = originals[position];
    if (position === index) return isSound(document) && sameContent(valueOf(document), wanted);
    return original !== undefined && fingerprint(document) === fingerprint(original);
  });
}

function soundDocument(text: string, index: number): Document.Parsed {
  const document = documentsOf(text)[index];
  if (document === undefined) throw unfit(`there is no document ${index} in the text`);
  if (!isSound(document) || !isMap(document.contents)) throw unfit(`document ${index} has problems of its own`);
  return document;
}

function documentsOf(text: string): readonly Document.Parsed[] {
  const reading = readDocuments(text);
  if ("reason" in reading) throw unfit(reading.reason);
  return reading.documents;
}

function isEmpty(document: Document.Parsed): boolean {
  return document.contents === null || (isScalar(document.contents) && document.contents.value === null);
}

function isStructured(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function unfit(because: string): HomieError {
  return new HomieError("InvalidResource", `cannot edit the text: ${because}`, { hint: "edit the file by hand" });
}
