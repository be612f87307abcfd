import { HomieError } from "./errors.ts";
import { showValue } from "./show-value.ts";

export type LabelPredicate = (labels: Readonly<Record<string, string>> | undefined) => boolean;
export type FieldPredicate = (object: unknown) => boolean;

const maxSelectorLength = 4096;
const labelKey = /^(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/**
 * `app=web,tier!=db,env in (a, b),zone notin (x),gpu,!old`: all must hold. An empty text selects everything. As in
 * Kubernetes, != and notin also hold when the label is absent. Throws HomieError BadRequest.
 */
export function parseLabelSelector(text: string): LabelPredicate {
  const requirements = splitOutsideParentheses(text).map(parseRequirement);
  return (labels) => requirements.every((holds) => holds(new Map(Object.entries(labels ?? {}))));
}

/** `status.phase=Running,metadata.name!=x`: dotted paths into the object, compared as text. Throws HomieError BadRequest. */
export function parseFieldSelector(text: string): FieldPredicate {
  const terms = splitOutsideParentheses(text).map((term) => {
    const match = /^([^=!]*)(==|=|!=)(.*)$/.exec(term);
    if (match === null)
      throw selectorError(text, `${showValue(term)} has no =, == or !=`, "for example: status.phase=Running");
    const [, path = "", operator, expected = ""] = match;
    const names = path.trim().split(".");
    if (!names.every((name) => /^[\w-]{1,64}$/.test(name)))
      throw selectorError(text, `${showValue(path.trim())} is not a field path`);
    return { names, equal: operator !== "!=", expected: expected.trim() };
  });
  return (object) => terms.every(({ names, equal, expected }) => (fieldText(object, names) === expected) === equal);
}

/** An absent field compares as the empty text, as in Kubernetes. */
function fieldText(object: unknown, names: readonly string[]): string {
  let value = object;
  for (const name of names) {
    const isMap = typeof value === "object" && value !== null && Object.hasOwn(value, name);
    value = isMap ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  }
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function splitOutsideParentheses(text: string): readonly string[] {
  if (text.length > maxSelectorLength) throw selectorError(text, `it is longer than ${maxSelectorLength} characters`);
  if (text.trim() === "") return [];
  const terms: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (depth < 0 || depth > 1) throw selectorError(text, "the parentheses do not match");
    if (character !== "," || depth > 0) continue;
    terms.push(text.slice(start, index).trim());
    start = index + 1;
  }
  if (depth !== 0) throw selectorError(text, "the parentheses do not match");
  terms.push(text.slice(start).trim());
  if (terms.includes("")) throw selectorError(text, "there is a comma without a requirement beside it");
  return terms;
}

type Requirement = (labels: ReadonlyMap<string, string>) => boolean;

function parseRequirement(term: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(term);
  if (set !== null) return setRequirement(term, set);
  const equality = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/.exec(term);
  if (equality !== null) {
    const key = checkedKey(term, equality[1] ?? "");
    const wanted = checkedValue(term, equality[3] ?? "");
    return equality[2] === "!=" ? (labels) => labels.get(key) !== wanted : (labels) => labels.get(key) === wanted;
  }
  if (term.startsWith("!")) {
    const key = checkedKey(term, term.slice(1).trim());
    return (labels) => !labels.has(key);
  }
  const key = checkedKey(term, term);
  return (labels) => labels.has(key);
}

function setRequirement(term: string, [, keyText = "", operator, list = ""]: RegExpExecArray): Requirement {
  const key = checkedKey(term, keyText);
  const values = new Set(list.split(",").map((value) => checkedValue(term, value.trim())));
  if (operator === "in") return (labels) => values.has(labels.get(key) ?? "") && labels.has(key);
  return (labels) => !labels.has(key) || !values.has(labels.get(key) ?? "");
}

function checkedKey(term: string, key: string): string {
  if (labelKey.test(key)) return key;
  throw selectorError(
    term,
    `${showValue(key)} is not a label key`,
    "known forms: k=v  k!=v  k in (a,b)  k notin (a,b)  k  !k",
  );
}

function checkedValue(term: string, value: string): string {
  if (labelValue.test(value)) return value;
  throw selectorError(term, `${showValue(value)} is not a label value`);
}

function selectorError(text: string, because: string, hint?: string): HomieError {
  return new HomieError(
    "BadRequest",
    `cannot read the selector ${showValue(text)}: ${because}`,
    hint === undefined ? {} : { hint },
  );
}
