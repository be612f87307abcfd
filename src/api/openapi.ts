import { createHash } from "node:crypto";
import { kindSchemas } from "../resources/generated/schemas.ts";
import { declaredKinds, kindEntry } from "../resources/kinds.ts";
import type { DeclaredKind } from "../resources/types.ts";
import type { Responder } from "./http.ts";
import { json } from "./http.ts";
import { isRecord } from "./read-body.ts";

const groupPath = "apis/homie.dev/v1";

/** GET /openapi/v3: which documents there are. */
export const openapiIndex: Responder = () => {
  const { hash } = renderedDocument();
  return json({ paths: { [groupPath]: { serverRelativeURL: `/openapi/v3/${groupPath}?hash=${hash}` } } });
};

/** GET /openapi/v3/apis/homie.dev/v1: what kubectl explains kinds and checks manifests with. */
export const openapiDocument: Responder = () => {
  const { text, hash } = renderedDocument();
  return { code: 200, headers: { "content-type": "application/json", etag: `"${hash}"` }, body: text };
};

/**
 * kubectl before 1.27 insists on the old document and parses it as protobuf whatever its type says; no bytes at all are
 * a valid empty one, and the server validates anyway.
 */
export const openapiV2: Responder = () => {
  const headers = { "content-type": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" };
  return { code: 200, headers, body: "" };
};

const rendered = new Map<"v3", { readonly text: string; readonly hash: string }>();

function renderedDocument(): { readonly text: string; readonly hash: string } {
  const known = rendered.get("v3");
  if (known !== undefined) return known;
  const text = JSON.stringify(renderOpenapi());
  const fresh = { text, hash: createHash("sha256").update(text).digest("hex").toUpperCase() };
  rendered.set("v3", fresh);
  return fresh;
}

/** OpenAPI 3.0 of the kinds people declare, made from their JSON Schemas. */
export function renderOpenapi(): object {
  const paths = declaredKinds.flatMap((kind) => Object.entries(renderPaths(kind)));
  const schemas = declaredKinds.flatMap((kind) => Object.entries(renderSchemas(kind)));
  return {
    openapi: "3.0.0",
    info: { title: "homie", version: "v1" },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function renderPaths(kind: DeclaredKind): Readonly<Record<string, object>> {
  const list = `/${groupPath}/${kindEntry(kind).plural}`;
  const body = { "application/json": { schema: reference(kind) } };
  const patchBody = Object.fromEntries(
    ["application/json-patch+json", "application/merge-patch+json"].map((type) => [
      type,
      { schema: { type: "object" } },
    ]),
  );
  const one = (action: string, content?: object): object => operation(kind, action, content);
  return {
    [list]: { get: one("list"), post: one("post", body), delete: one("deletecollection") },
    [`${list}/{name}`]: {
      parameters: [{ name: "name", in: "path", required: true, schema: { type: "string" } }],
      get: one("get"),
      put: one("put", body),
      patch: one("patch", patchBody),
      delete: one("delete"),
    },
  };
}

/** kubectl looks for exactly these query parameters to learn that dry runs and strict checking work here. */
const writeParameters = ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string" },
}));

function operation(kind: DeclaredKind, action: string, content: object | undefined): object {
  return {
    operationId: `${action}${kind}`,
    parameters: action === "get" || action === "list" ? [] : writeParameters,
    ...(content === undefined ? {} : { requestBody: { content } }),
    responses: { "200": { description: "OK", content: { "application/json": { schema: reference(kind) } } } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group: "homie.dev", version: "v1", kind },
  };
}

function renderSchemas(kind: DeclaredKind): Readonly<Record<string, unknown>> {
  const { $defs, $schema: _schema, $id: _id, ...root } = kindSchemas[kind];
  const own = {
    ...(toOpenapi(root, kind) as object),
    "x-kubernetes-group-version-kind": [{ group: "homie.dev", version: "v1", kind }],
  };
  const parts = isRecord($defs)
    ? Object.entries($defs).map(([name, part]) => [componentName(kind, name), toOpenapi(part, kind)] as const)
    : [];
  return { [componentName(kind)]: own, ...Object.fromEntries(parts) };
}

function componentName(kind: DeclaredKind, part?: string): string {
  return part === undefined ? `dev.homie.v1.${kind}` : `dev.homie.v1.${kind}.${part}`;
}

function reference(kind: DeclaredKind, part?: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${componentName(kind, part)}` };
}

/** Keywords of JSON Schema 2020-12 that OpenAPI 3.0 does not know, and that the server checks itself. */
const dropped = new Set([
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "propertyNames",
  "patternProperties",
  "dependentRequired",
  "unevaluatedProperties",
  "if",
  "then",
  "else",
  "contains",
  "prefixItems",
]);
/** Below these keywords lie names, not keywords. */
const maps = new Set(["properties"]);

function toOpenapi(schema: unknown, kind: DeclaredKind): unknown {
  if (Array.isArray(schema)) return schema.map((part) => toOpenapi(part, kind));
  if (!isRecord(schema)) return schema;
  const part = typeof schema["$ref"] === "string" ? /^#\/\$defs\/(.+)$/.exec(schema["$ref"])?.[1] : undefined;
  if (part !== undefined) return describedReference(schema, kind, part);
  return Object.fromEntries(Object.entries(schema).flatMap(([key, value]) => keyword(key, value, kind)));
}

/** Whatever stands beside a `$ref` is ignored in OpenAPI 3.0, and kubectl looks for a description in this very place. */
function describedReference(schema: Readonly<Record<string, unknown>>, kind: DeclaredKind, part: string): object {
  const { $defs } = kindSchemas[kind];
  const target = isRecord($defs) && isRecord($defs[part]) ? $defs[part] : {};
  const description = schema["description"] ?? target["description"];
  return { ...(typeof description === "string" ? { description } : {}), allOf: [reference(kind, part)] };
}

type Entries = readonly (readonly [string, unknown])[];

function keyword(key: string, value: unknown, kind: DeclaredKind): Entries {
  if (dropped.has(key)) return [];
  if (literal.has(key)) return [[key, value]];
  const special = Object.hasOwn(translated, key) ? translated[key]?.(value) : undefined;
  if (special !== undefined) return special;
  if (maps.has(key) && isRecord(value)) {
    return [[key, Object.fromEntries(Object.entries(value).map(([name, part]) => [name, toOpenapi(part, kind)]))]];
  }
  return [[key, toOpenapi(value, kind)]];
}

/** Keywords whose value is data, not a schema. */
const literal = new Set(["enum", "default", "required"]);
/** Keywords that are called otherwise in OpenAPI 3.0; undefined leaves the value as it is. */
const translated: Readonly<Record<string, (value: unknown) => Entries | undefined>> = {
  const: (value) => [["enum", [value]]],
  examples: (value) => (Array.isArray(value) && value.length > 0 ? [["example", value[0]]] : []),
  type: (value) => (Array.isArray(value) ? [["oneOf", value.map((type) => ({ type }))]] : undefined),
};
