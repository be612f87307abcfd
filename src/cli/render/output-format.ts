import { HomieError } from "../../resources/errors.ts";
import { parseTemplate } from "./jsonpath-parse.ts";
import type { PathStep, TemplateNode } from "./jsonpath-parse.ts";

/** A parsed `-o`. */
export type OutputFormat =
  | { readonly type: "table"; readonly wide: boolean }
  | { readonly type: "json" | "yaml" | "name" }
  | { readonly type: "jsonpath"; readonly template: readonly TemplateNode[] }
  | { readonly type: "columns"; readonly columns: readonly CustomColumn[] };

export interface CustomColumn {
  readonly header: string;
  readonly steps: readonly PathStep[];
}

const names = ["table", "wide", "json", "yaml", "name", "jsonpath=TEMPLATE", "custom-columns=HEADER:PATH,..."];

/** Throws HomieError Usage, naming what there is. */
export function parseOutputFormat(text: string | undefined): OutputFormat {
  if (text === undefined || text === "table") return { type: "table", wide: false };
  if (text === "wide") return { type: "table", wide: true };
  if (text === "json" || text === "yaml" || text === "name") return { type: text };
  const [name, argument] = splitOnce(text, "=");
  if (name === "jsonpath" && argument !== undefined && argument !== "")
    return { type: "jsonpath", template: parseTemplate(argument) };
  if (name === "custom-columns" && argument !== undefined) return { type: "columns", columns: parseColumns(argument) };
  throw new HomieError("Usage", `cannot print as ${JSON.stringify(text)}`, { hint: `-o takes ${names.join(", ")}` });
}

/** For commands whose only machine format is JSON. */
export function parseJsonOnly(text: string | undefined): "text" | "json" {
  if (text === undefined || text === "text" || text === "table") return "text";
  if (text === "json") return "json";
  throw new HomieError("Usage", `cannot print as ${JSON.stringify(text)}`, { hint: "-o takes json" });
}

function parseColumns(text: string): readonly CustomColumn[] {
  const columns = splitColumns(text).map((column) => {
    const [header, path] = splitOnce(column, ":");
    if (header === "" || path === undefined || path === "") {
      throw new HomieError("Usage", `cannot read the column ${JSON.stringify(column)}`, {
        hint: "for example -o custom-columns=NAME:.metadata.name,PHASE:.status.phase",
      });
    }
    return { header, steps: parsePathOnly(path) };
  });
  return columns;
}

/** Throws HomieError Usage unless the text is one path, with or without braces. */
export function parsePathOnly(path: string): readonly PathStep[] {
  const [node, ...more] = parseTemplate(path);
  if (node?.type === "path" && more.length === 0) return node.steps;
  throw new HomieError("Usage", `${JSON.stringify(path)} is not one path`, { hint: "for example .status.phase" });
}

/** At commas that are not inside brackets: `A:.x[?(@.a=="b,c")],B:.y`. */
function splitColumns(text: string): readonly string[] {
  const columns: string[] = [];
  let depth = 0;
  let start = 0;
  for (const [index, character] of [...text].entries()) {
    if ("[({".includes(character)) depth += 1;
    if ("])}".includes(character)) depth -= 1;
    if (character === "," && depth === 0) {
      columns.push([...text].slice(start, index).join(""));
      start = index + 1;
    }
  }
  columns.push([...text].slice(start).join(""));
  return columns;
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
