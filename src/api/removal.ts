import type { Resource } from "../resources/types.ts";
import type { ApiContext } from "./context.ts";
import { queryOf } from "./context.ts";
import type { Collection } from "./collections.ts";
import { json } from "./http.ts";
import type { Request, Responder } from "./http.ts";
import { parseDryRun } from "./query.ts";
import { isRecord, readOptionalJson } from "./read-body.ts";
import { nameOf, requireObject } from "./read.ts";
import { parseSelection } from "./selection.ts";
import { badRequest, conflict, renderSuccess } from "./status-error.ts";
import { declaredKey } from "./writes.ts";

interface DeleteOptions {
  readonly dryRun: boolean;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

/**
 * DELETE of one object. While finalizers remain, the answer is the object with its deletionTimestamp; else a Status
 * whose details.uid tells kubectl which life of the object to wait for.
 */
export function deleteResponder(collection: Collection, api: ApiContext): Responder {
  return async (request) => {
    const options = await readOptions(request);
    const before = requireObject(collection, nameOf(request));
    const { name, uid, resourceVersion } = before.metadata;
    if (options.uid !== undefined && options.uid !== uid)
      throw conflict(collection, name, "preconditions.uid is that of another object");
    if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
      throw conflict(collection, name, "preconditions.resourceVersion is not the newest");
    }
    await api.ports.declared.remove(declaredKey(collection, name), { dryRun: options.dryRun, uid });
    const after = collection.get(name);
    const remains = !options.dryRun && after?.metadata.uid === uid;
    if (remains) return json(after);
    return json(renderSuccess({ name, group: collection.group, kind: collection.plural, uid }));
  };
}

/** DELETE of a list. A selector is required: nobody means "all jobs" by leaving it out. */
export function deleteCollectionResponder(collection: Collection, api: ApiContext): Responder {
  return async (request) => {
    const { dryRun } = await readOptions(request);
    const selection = parseSelection(queryOf(request));
    if (selection.isEverything) throw badRequest("deleting many objects needs a labelSelector or a fieldSelector");
    const { items } = collection.snapshot();
    const removed: Resource[] = [];
    for (const item of items.filter((candidate) => selection.matches(candidate))) {
      const { name, uid } = item.metadata;
      removed.push(await api.ports.declared.remove(declaredKey(collection, name), { dryRun, uid }));
    }
    const metadata = { resourceVersion: collection.currentVersion() };
    return json({ kind: collection.listKind, apiVersion: collection.apiVersion, metadata, items: removed });
  };
}

async function readOptions(request: Request): Promise<DeleteOptions> {
  const body = await readOptionalJson(request);
  if (body["kind"] !== undefined && body["kind"] !== "DeleteOptions")
    throw badRequest("the body of a DELETE is DeleteOptions");
  const preconditions = isRecord(body["preconditions"]) ? body["preconditions"] : {};
  const inBody = body["dryRun"];
  if (inBody !== undefined && !(Array.isArray(inBody) && inBody.every((value) => value === "All"))) {
    throw badRequest('dryRun can only be ["All"]');
  }
  return {
    dryRun: parseDryRun(queryOf(request)) || (Array.isArray(inBody) && inBody.length > 0),
    uid: precondition(preconditions, "uid"),
    resourceVersion: precondition(preconditions, "resourceVersion"),
  };
}

function precondition(preconditions: Readonly<Record<string, unknown>>, field: string): string | undefined {
  const value = preconditions[field];
  if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
  throw badRequest(`preconditions.${field} is not text`);
}
