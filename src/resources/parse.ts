import { isMap, isScalar, isSeq } from "yaml";
import type { Document, Node, Pair } from "yaml";
import type { ParsedDocument, ParsedFile, Problem } from "./documents.ts";
import { refusalsOf } from "./refusals.ts";
import { escapeUnseen, formatPath } from "./show-value.ts";
import type { Segments } from "./show-value.ts";
import type { Manifest } from "./types.ts";
import { validateManifest } from "./validate.ts";
import type { FieldIssue } from "./validate.ts";
import { decodeText, positionFinder, readYaml } from "./yaml-text.ts";

/** One syntax error makes more of them; the first few are the true ones. */
const maxSyntaxProblems = 3;

interface Finding {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/**
 * Reads the resources in a text. Never throws: what cannot be used is a Problem, and the other documents of the file
 * count all the same. `file` is only repeated in the problems.
 */
export function parseManifests(text: string | Uint8Array, file: string): ParsedFile {
  const decoded = decodeText(text);
  const position = positionFinder(decoded.text);
  const problem = (document: number, { offset, ...finding }: Finding): Problem => ({
    file,
    document,
    ...position(offset),
    ...finding,
  });
  if (!decoded.ok) return wholeFile(problem(0, { path: "", ...pickFinding(decoded) }));
  const reading = readYaml(decoded.text);
  if (!reading.ok) return wholeFile(problem(reading.document, { path: "", ...pickFinding(reading) }));
  const documents: ParsedDocument[] = [];
  const problems: Problem[] = [];
  let emptyDocuments = reading.documents.length === 0 ? 1 : 0;
  for (const [index, document] of reading.documents.entries()) {
    const outcome = readDocument(document);
    if (outcome === "empty") emptyDocuments += 1;
    else if ("findings" in outcome) {
      const named = namesOf(document);
      problems.push(...outcome.findings.map((finding) => ({ ...problem(index, finding), ...named })));
    } else documents.push({ index, ...outcome });
  }
  return { documents, problems, emptyDocuments };
}

function wholeFile(problem: Problem): ParsedFile {
  return { documents: [], problems: [problem], emptyDocuments: 0 };
}

function pickFinding({ offset, message, hint }: Omit<Finding, "path">): Omit<Finding, "path"> {
  return { offset, message, ...(hint === undefined ? {} : { hint }) };
}

type DocumentOutcome = Omit<ParsedDocument, "index"> | { readonly findings: readonly Finding[] } | "empty";

function readDocument(document: Document.Parsed): DocumentOutcome {
  if (document.errors.length > 0) return { findings: syntaxFindings(document) };
  const refusals = refusalsOf(document);
  const located = refusals.map(({ offset, segments, message, hint }) => ({
    offset,
    path: formatPath(segments),
    message,
    hint,
  }));
  if (refusals.some(({ ambiguous }) => ambiguous)) return { findings: located };
  const value: unknown = document.toJS({ maxAliasCount: 0 });
  if (value === null || value === undefined) return "empty";
  const issues = validateManifest(value);
  const findings = issues.map((issue) => issueFinding(document, issue));
  const explained = new Set(findings.map(({ path }) => path));
  findings.push(...located.filter(({ path }) => !explained.has(path)));
  if (findings.length > 0) return { findings: findings.toSorted((a, b) => a.offset - b.offset) };
  const { apiVersion, kind, metadata, spec, status } = value as Manifest & { readonly status?: unknown };
  return {
    manifest: { apiVersion, kind, metadata, spec },
    ...(status === undefined ? {} : { mirroredStatus: status }),
  };
}

function syntaxFindings(document: Document.Parsed): readonly Finding[] {
  return document.errors.slice(0, maxSyntaxProblems).map(({ pos, message, code }) => {
    const hint = code === "TAB_AS_INDENT" ? "indent with spaces" : undefined;
    const short = escapeUnseen(message.length > 300 ? `${message.slice(0, 300)}…` : message);
    return { offset: pos[0], path: "", message: `not YAML: ${short}`, ...(hint === undefined ? {} : { hint }) };
  });
}

function issueFinding(document: Document.Parsed, issue: FieldIssue): Finding {
  const { node, key, found } = nodeBehind(document, issue.segments);
  const at = issue.about === "key" || !found ? (key ?? node) : (node ?? key);
  const written = isScalar(node) ? node.source : undefined;
  // As it was written: 012 must become "012", not "12".
  const hint =
    issue.about === "text" && written !== undefined ? `put quotes around it: "${written.slice(0, 80)}"` : issue.hint;
  return {
    offset: at?.range?.[0] ?? 0,
    path: issue.path,
    message: issue.message,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The node at a path, or the nearest one above it that exists, and the key it stands behind. */
function nodeBehind(document: Document.Parsed, segments: Segments): { node?: Node; key?: Node; found: boolean } {
  let node = document.contents as Node | null;
  let key: Node | undefined;
  for (const segment of segments) {
    const next = stepInto(node, segment);
    if (next === undefined)
      return { ...(node === null ? {} : { node }), ...(key === undefined ? {} : { key }), found: false };
    key = next.key ?? key;
    node = next.value;
  }
  return { ...(node === null ? {} : { node }), ...(key === undefined ? {} : { key }), found: true };
}

function stepInto(node: Node | null, segment: string | number): { key?: Node; value: Node | null } | undefined {
  if (isSeq(node) && typeof segment === "number" && segment < node.items.length)
    return { value: node.items[segment] as Node | null };
  if (!isMap(node)) return undefined;
  const pair = (node.items as Pair<Node, Node | null>[]).find(
    (item) => isScalar(item.key) && String(item.key.value) === segment,
  );
  return pair === undefined ? undefined : { key: pair.key, value: pair.value };
}

/** What the document says it is, so that a problem can be shown with its object. */
function namesOf(document: Document.Parsed): Pick<Problem, "kind" | "name"> {
  const kind = textAt(document, ["kind"]);
  const name = textAt(document, ["metadata", "name"]);
  return { ...(kind === undefined ? {} : { kind }), ...(name === undefined ? {} : { name }) };
}

function textAt(document: Document.Parsed, segments: Segments): string | undefined {
  const { node, found } = nodeBehind(document, segments);
  const value = found && isScalar(node) ? node.value : undefined;
  // Only words that can be a kind or a name: this goes to terminals and into keys.
  return typeof value === "string" && /^[A-Za-z0-9-]{1,63}$/.test(value) ? value : undefined;
}
