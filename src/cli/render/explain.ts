import { wrapText } from "./wrap.ts";

/** As much of JSON Schema 2020-12 as the schemas of homie use. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

export interface FoundField {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
  readonly required: boolean;
  /** The first part of the path that does not exist, and what does exist there. */
  readonly missing?: string;
  readonly siblings: readonly string[];
}

export function findField(root: JsonSchema, fields: readonly string[]): FoundField {
  let schema = resolveSchema(root, root);
  let required = true;
  for (const [index, field] of fields.entries()) {
    const holder = objectInside(root, schema);
    const next = holder.properties?.[field];
    const path = fields.slice(0, index);
    if (next === undefined)
      return { path, schema, required, missing: field, siblings: Object.keys(holder.properties ?? {}) };
    required = holder.required?.includes(field) ?? false;
    schema = resolveSchema(root, next);
  }
  return { path: fields, schema, required, siblings: [] };
}

/** A `$ref` with words beside it keeps those words: they say more about this place. */
function resolveSchema(root: JsonSchema, schema: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema;
  const { $ref, ...own } = schema;
  const target = root.$defs?.[$ref.replace("#/$defs/", "")] ?? {};
  return { ...resolveSchema(root, target), ...own };
}

/** The object a list or a map holds, or the object itself. */
function objectInside(root: JsonSchema, schema: JsonSchema): JsonSchema {
  if (schema.properties !== undefined) return schema;
  if (schema.items !== undefined) return objectInside(root, resolveSchema(root, schema.items));
  const alternative = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]
    .map((one) => resolveSchema(root, one))
    .find((one) => one.properties !== undefined || one.items !== undefined);
  return alternative === undefined ? schema : objectInside(root, alternative);
}

export interface ExplainOptions {
  readonly kind: string;
  readonly recursive: boolean;
  readonly columns: number;
}

export function explainField(root: JsonSchema, found: FoundField, options: ExplainOptions): string {
  const name = found.path.at(-1);
  const { schema } = found;
  const lines = [`KIND:     ${options.kind}`, "VERSION:  homie.dev/v1", ""];
  if (name !== undefined)
    lines.push(
      `FIELD:    ${found.path.join(".")} <${renderType(root, schema)}>${found.required ? " (required)" : ""}`,
      "",
    );
  lines.push(
    "DESCRIPTION:",
    ...wrapText(schema.description ?? "(none)", options.columns - 4).map((line) => `    ${line}`),
    "",
  );
  lines.push(...renderChoices(schema));
  const holder = objectInside(root, schema);
  if (holder.properties !== undefined) lines.push("FIELDS:", ...renderProperties(root, holder, options, 1));
  return `${lines.join("\n").trimEnd()}\n`;
}

function renderChoices(schema: JsonSchema): readonly string[] {
  const lines: string[] = [];
  if (schema.enum !== undefined) lines.push(`ONE OF:   ${schema.enum.map(String).join(", ")}`, "");
  if (schema.default !== undefined) lines.push(`DEFAULT:  ${JSON.stringify(schema.default)}`, "");
  for (const example of (schema.examples ?? []).slice(0, 2)) lines.push(`EXAMPLE:  ${JSON.stringify(example)}`, "");
  return lines;
}

function renderProperties(
  root: JsonSchema,
  holder: JsonSchema,
  options: ExplainOptions,
  depth: number,
): readonly string[] {
  const margin = "  ".repeat(depth);
  return Object.entries(holder.properties ?? {}).flatMap(([name, raw]) => {
    const schema = resolveSchema(root, raw);
    const required = holder.required?.includes(name) === true ? " (required)" : "";
    const head = `${margin}${name} <${renderType(root, schema)}>${required}`;
    if (options.recursive) {
      const inner = objectInside(root, schema);
      return [
        head,
        ...(inner.properties === undefined || depth > 12 ? [] : renderProperties(root, inner, options, depth + 1)),
      ];
    }
    return [
      head,
      ...wrapText(schema.description ?? "", options.columns - margin.length - 2).map((line) => `${margin}  ${line}`),
      "",
    ];
  });
}

/** "string", "[]Object", "map[string]string", "integer or string". */
function renderType(root: JsonSchema, schema: JsonSchema): string {
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length === 0) {
    const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map((one) =>
      renderType(root, resolveSchema(root, one)),
    );
    return inner.length > 0 ? [...new Set(inner)].join(" or ") : schema.properties === undefined ? "any" : "Object";
  }
  return types.map((type) => renderOneType(root, schema, type)).join(" or ");
}

function renderOneType(root: JsonSchema, schema: JsonSchema, type: string): string {
  if (type === "array")
    return `[]${schema.items === undefined ? "any" : renderType(root, resolveSchema(root, schema.items))}`;
  if (type !== "object") return type;
  if (schema.properties !== undefined || typeof schema.additionalProperties !== "object") return "Object";
  return `map[string]${renderType(root, resolveSchema(root, schema.additionalProperties))}`;
}
