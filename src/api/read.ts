import type { ApiContext } from "./context.ts";
import { queryOf } from "./context.ts";
import type { ApiObject, Collection } from "./collections.ts";
import { columnsOf } from "./columns.ts";
import { json } from "./http.ts";
import type { Request, Responder } from "./http.ts";
import { negotiateForm } from "./negotiate.ts";
import { parseIncludeObject } from "./query.ts";
import type { Query } from "./query.ts";
import { parseSelection } from "./selection.ts";
import { badRequest, notFound, StatusFailure } from "./status-error.ts";
import { partial, renderObject, renderTable } from "./table.ts";
import type { ListMetadata, Rendering } from "./table.ts";

/** GET of one object. */
export function getResponder(collection: Collection, api: ApiContext): Responder {
  return (request) => {
    const rendering = renderingOf(request, collection);
    return json(renderObject(requireObject(collection, nameOf(request)), rendering, api.ports.now()), 200, varied);
  };
}

/** GET of a list, in the shape of the Accept header. */
export function listResponder(collection: Collection, api: ApiContext): Responder {
  return (request) => {
    const rendering = renderingOf(request, collection);
    const query = queryOf(request);
    const selection = parseSelection(query);
    const { items, resourceVersion } = collection.snapshot();
    const page = pageOf(
      items.filter((item) => selection.matches(item)),
      query,
      resourceVersion,
    );
    return json(renderList(page, { collection, rendering, now: api.ports.now() }), 200, varied);
  };
}

/** What a client must hear about answers that depend on its Accept header. */
export const varied: Readonly<Record<string, string>> = { vary: "Accept" };

export function renderingOf(request: Request, collection: Collection): Rendering {
  const form = negotiateForm(request.header("accept"));
  if (form === undefined) {
    throw new StatusFailure(406, "NotAcceptable", "none of the accepted types can be served; application/json can");
  }
  return { form, includeObject: parseIncludeObject(queryOf(request)), columns: columnsOf(collection.kind) };
}

export function requireObject(collection: Collection, name: string): ApiObject {
  const object = isPossibleName(name) ? collection.get(name) : undefined;
  if (object === undefined) throw notFound(collection, name);
  return object;
}

export function nameOf(request: Request): string {
  return request.names["name"] ?? "";
}

/** Names are DNS subdomains; anything else (encoded slashes, control characters) names nothing. */
export function isPossibleName(name: string): boolean {
  return name.length <= 253 && /^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(name);
}

interface Page {
  readonly items: readonly ApiObject[];
  readonly metadata: ListMetadata;
}
interface ListParts {
  readonly collection: Collection;
  readonly rendering: Rendering;
  readonly now: Date;
}

function renderList(page: Page, { collection, rendering, now }: ListParts): object {
  if (rendering.form === "table") return renderTable(page.items, rendering, page.metadata, now);
  if (rendering.form === "partial") {
    const items = page.items.map(partial);
    return { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata: page.metadata, items };
  }
  return { kind: collection.listKind, apiVersion: collection.apiVersion, metadata: page.metadata, items: page.items };
}

/**
 * Objects are listed by name, so a page goes on after the last name of the one before. All pages carry the version of
 * the first: a watch from there replays what changed while the client was paging.
 */
function pageOf(matching: readonly ApiObject[], query: Query, resourceVersion: string): Page {
  const limit = query.count("limit") ?? 0;
  const token = parseToken(query.text("continue"));
  const rest = token === undefined ? matching : matching.filter((item) => item.metadata.name > token.after);
  const version = token?.version ?? resourceVersion;
  const last = limit > 0 && rest.length > limit ? rest[limit - 1] : undefined;
  if (last === undefined) return { items: rest, metadata: { resourceVersion: version } };
  const next = Buffer.from(JSON.stringify({ version, after: last.metadata.name })).toString("base64url");
  const metadata = { resourceVersion: version, continue: next, remainingItemCount: rest.length - limit };
  return { items: rest.slice(0, limit), metadata };
}

function parseToken(text: string | undefined): { readonly version: string; readonly after: string } | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    const { version, after } = JSON.parse(Buffer.from(text, "base64url").toString()) as Record<string, unknown>;
    if (typeof version === "string" && /^\d{1,19}$/.test(version) && typeof after === "string")
      return { version, after };
  } catch {
    // Not JSON: the same answer as for JSON of another shape.
  }
  throw badRequest('the query parameter "continue" is not from a list of this API');
}
