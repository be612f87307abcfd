import { isAlias, isMap, isPair, isScalar, isSeq } from "yaml";
import type { Document, Node, Pair, Scalar } from "yaml";
import { escapeUnseen, showValue } from "./show-value.ts";
import type { Segments } from "./show-value.ts";

/** YAML that is refused although a parser would take it: it hides things, or means something else to another parser. */
export interface Refusal {
  readonly offset: number;
  readonly segments: Segments;
  readonly message: string;
  readonly hint: string;
  /** The document has no value that all YAML parsers agree on, so none is built from it. */
  readonly ambiguous: boolean;
}

const coreTags: ReadonlySet<string> = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
);
/** After this many nobody reads on. */
const maxRefusals = 10;

/** Anchors, aliases, merge keys, foreign tags, directives, keys that come twice, and texts that other parsers misread. */
export function refusalsOf(document: Document.Parsed): readonly Refusal[] {
  const refusals: Refusal[] = directiveRefusals(document);
  walk(document.contents, [], refusals);
  return refusals.slice(0, maxRefusals);
}

function directiveRefusals({ directives, range }: Document.Parsed): Refusal[] {
  const at = { offset: range[0], segments: [], hint: "remove the line that starts with %", ambiguous: true };
  if (directives.yaml.version !== "1.2")
    return [{ ...at, message: `YAML ${directives.yaml.version} is not read, only 1.2` }];
  const ownTags =
    Object.keys(directives.tags).some((handle) => handle !== "!!") || directives.tags["!!"] !== "tag:yaml.org,2002:";
  return ownTags ? [{ ...at, message: "tag directives are not allowed" }] : [];
}

function walk(node: Node | null | undefined, segments: Segments, refusals: Refusal[]): void {
  if (node === null || node === undefined || refusals.length > maxRefusals) return;
  refusals.push(...nodeRefusals(node, segments));
  if (isMap(node)) walkMap(node.items, segments, refusals);
  else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) {
      // An empty item is a null without a node; a pair is `- a: b` written in a flow list.
      if (isPair(item)) walkMap([item], [...segments, index], refusals);
      else walk(item as Node | null, [...segments, index], refusals);
    }
  } else if (isScalar(node)) refusals.push(...scalarRefusals(node, segments));
}

function walkMap(pairs: readonly Pair[], segments: Segments, refusals: Refusal[]): void {
  const seen = new Set<string>();
  for (const { key, value } of pairs) {
    const keyNode = key as Node | null;
    const name = isScalar(keyNode) ? String(keyNode.value) : "";
    const at = { offset: offsetOf(keyNode), segments: [...segments, name], ambiguous: true };
    if (name === "<<")
      refusals.push({ ...at, message: "merge keys (<<) are not allowed", hint: "write the fields out" });
    else if (seen.has(name))
      refusals.push({ ...at, message: `${showValue(name)} is there twice`, hint: "keep one of them" });
    seen.add(name);
    if (keyNode !== null) refusals.push(...nodeRefusals(keyNode, at.segments));
    walk(value as Node | null, at.segments, refusals);
  }
}

function nodeRefusals(node: Node, segments: Segments): Refusal[] {
  const at = { offset: offsetOf(node), segments, hint: "write the value out where it is needed", ambiguous: true };
  if (isAlias(node))
    return [{ ...at, message: `aliases (*${escapeUnseen(node.source.slice(0, 40))}) are not allowed` }];
  const { anchor, tag } = node as { anchor?: string; tag?: string };
  if (anchor !== undefined)
    return [{ ...at, message: `anchors (&${escapeUnseen(anchor.slice(0, 40))}) are not allowed` }];
  if (tag === undefined || coreTags.has(tag)) return [];
  return [{ ...at, message: `the tag ${showValue(tag)} is not allowed`, hint: "remove it; quotes make a text" }];
}

/** YAML 1.1 parsers read these as booleans and octal numbers: the file must mean one thing to every tool. */
function scalarRefusals(node: Scalar, segments: Segments): Refusal[] {
  if (node.type !== "PLAIN" || segments[0] === "status" || node.source === undefined) return [];
  const at = { offset: offsetOf(node), segments, ambiguous: false };
  if (typeof node.value === "string" && /^(?:yes|no|on|off)$/i.test(node.value)) {
    const boolean = /^(?:yes|on)$/i.test(node.value);
    return [
      {
        ...at,
        message: `${node.value} without quotes may mean ${boolean} or the word`,
        hint: `write ${boolean}, or "${node.value}" in quotes for the word`,
      },
    ];
  }
  if (typeof node.value !== "number" || /^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/.test(node.source))
    return [];
  const source = node.source.slice(0, 40);
  return [
    {
      ...at,
      message: `${source} is not a plain decimal number`,
      hint: `write it in decimal, or "${source}" in quotes for a text`,
    },
  ];
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}
