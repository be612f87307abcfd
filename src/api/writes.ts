import { randomInt } from "node:crypto";
import { sameContent } from "../resources/canonical.ts";
import { ConflictError } from "../resources/errors.ts";
import type { DeclaredKind, Manifest, Resource } from "../resources/types.ts";
import type { ApiContext } from "./context.ts";
import { queryOf } from "./context.ts";
import type { Collection } from "./collections.ts";
import { json } from "./http.ts";
import type { Answer, Request, Responder } from "./http.ts";
import { acceptManifest, manifestOf, takeApart } from "./manifest-body.ts";
import type { SentObject } from "./manifest-body.ts";
import { applyJsonPatch, applyMergePatch, jsonPatchType, mergePatchType } from "./patch.ts";
import { parseDryRun, parseFieldValidation } from "./query.ts";
import type { FieldValidation } from "./query.ts";
import { mediaTypeOf, readJson, requireRecord } from "./read-body.ts";
import { nameOf, renderingOf, requireObject } from "./read.ts";
import { badRequest, conflict } from "./status-error.ts";
import { renderObject } from "./table.ts";
import type { Rendering } from "./table.ts";

interface WriteMode {
  readonly dryRun: boolean;
  readonly validation: FieldValidation;
  /** Of the answer; settled before anything is written. */
  readonly rendering: Rendering;
}
interface Written {
  readonly object: Resource;
  readonly warnings: readonly string[];
}

/** POST to a list. */
export function createResponder(collection: Collection, api: ApiContext): Responder {
  return async (request) => {
    const mode = modeOf(request, collection);
    const sent = named(takeApart(requireRecord(await readJson(request)), collection));
    if (sent.resourceVersion !== undefined) throw badRequest("metadata.resourceVersion may not be set on a new object");
    const { manifest, warnings } = acceptManifest(sent, collection, mode.validation);
    const object = await api.ports.declared.write(manifest, { mode: "create", dryRun: mode.dryRun });
    return answer({ object, warnings }, mode, { api, code: 201 });
  };
}

/** PUT: the whole declared part is replaced; status and the store's own metadata are left alone. */
export function replaceResponder(collection: Collection, api: ApiContext): Responder {
  return async (request) => {
    const mode = modeOf(request, collection);
    const sent = takeApart(requireRecord(await readJson(request)), collection);
    const written = await retrying(api, sent.resourceVersion !== undefined, async () => {
      const before = requireObject(collection, nameOf(request)) as Resource;
      return await store(before, sent, { collection, api, mode });
    });
    return answer(written, mode, { api, code: 200 });
  };
}

/** PATCH: as a PUT of what the patch makes of the object as it is now. */
export function patchResponder(collection: Collection, api: ApiContext): Responder {
  return async (request) => {
    const mode = modeOf(request, collection);
    const patch = await readJson(request, [mergePatchType, jsonPatchType]);
    const apply = mediaTypeOf(request) === jsonPatchType ? applyJsonPatch : applyMergePatch;
    const written = await retrying(api, false, async () => {
      const before = requireObject(collection, nameOf(request)) as Resource;
      const patched = takeApart(requireRecord(apply(before, patch)), collection);
      // In a patched object a missing list means that the patch took it away.
      const sent = { ...patched, finalizers: patched.finalizers ?? [] };
      return await store(before, sent, { collection, api, mode });
    });
    return answer(written, mode, { api, code: 200 });
  };
}

interface WriteParts {
  readonly collection: Collection;
  readonly api: ApiContext;
  readonly mode: WriteMode;
}

async function store(before: Resource, sent: SentObject, parts: WriteParts): Promise<Written> {
  const { collection, api, mode } = parts;
  const { name, resourceVersion, deletionTimestamp } = before.metadata;
  requireSameLife(before, sent, collection);
  const withName = {
    ...sent,
    name,
    declared: { ...sent.declared, metadata: { ...(sent.declared["metadata"] as object), name } },
  };
  const { manifest, warnings } = acceptManifest(withName, collection, mode.validation);
  const isSame = sameManifest(manifest, manifestOf(before));
  if (!isSame && deletionTimestamp !== undefined) throw conflict(collection, name, "it is being deleted");
  const options = { mode: "replace", expectedVersion: resourceVersion, dryRun: mode.dryRun } as const;
  const written = isSame ? before : await api.ports.declared.write(manifest, options);
  return { object: putFinalizers(written, sent.finalizers, parts), warnings };
}

/** 400 when the body speaks of another object than the path, 409 when of another life or version of it. */
function requireSameLife({ metadata }: Resource, sent: SentObject, collection: Collection): void {
  const { name, uid, resourceVersion } = metadata;
  if ((sent.name ?? name) !== name) throw badRequest(`metadata.name is "${sent.name}", the path says "${name}"`);
  if ((sent.uid ?? uid) !== uid)
    throw conflict(collection, name, "metadata.uid is that of another object with this name");
  if ((sent.resourceVersion ?? resourceVersion) !== resourceVersion) {
    throw conflict(
      collection,
      name,
      "it has been changed since; apply your change to the newest version and try again",
    );
  }
}

/** Taking the last finalizer from a deleted object removes it; the answer is then what it was. */
function putFinalizers(
  object: Resource,
  finalizers: readonly string[] | undefined,
  { api, mode }: WriteParts,
): Resource {
  if (finalizers === undefined || sameContent(finalizers, object.metadata.finalizers ?? [])) return object;
  const { finalizers: _before, ...rest } = object.metadata;
  const metadata = finalizers.length === 0 ? rest : { ...rest, finalizers };
  if (mode.dryRun) return { ...object, metadata };
  const key = { kind: object.kind, name: object.metadata.name };
  api.ports.store.setFinalizers(key, finalizers);
  const after = api.ports.store.get(key);
  return after?.metadata.uid === object.metadata.uid ? after : { ...object, metadata };
}

/**
 * A write that names no version must not fail because a controller wrote status, or somebody saved the file, in the
 * same moment: read the files again and start over, as the Kubernetes API server does.
 */
async function retrying(api: ApiContext, isConditional: boolean, write: () => Promise<Written>): Promise<Written> {
  for (let triesLeft = isConditional ? 0 : 4; ; triesLeft -= 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof ConflictError) || triesLeft === 0) throw error;
    }
    await api.ports.rescan();
  }
}

/** Empty labels and no labels are the same declaration. */
function sameManifest(a: Manifest, b: Manifest): boolean {
  const normal = ({ metadata, spec }: Manifest): unknown => ({
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    spec,
  });
  return sameContent(normal(a), normal(b));
}

function modeOf(request: Request, collection: Collection): WriteMode {
  const query = queryOf(request);
  return {
    dryRun: parseDryRun(query),
    validation: parseFieldValidation(query),
    rendering: renderingOf(request, collection),
  };
}

/** Kubernetes' alphabet for generated names: no vowels, so no words. */
const suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";

function named(sent: SentObject): SentObject {
  if (sent.name !== undefined || sent.generateName === undefined) return sent;
  const suffix = Array.from({ length: 5 }, () => suffixAlphabet[randomInt(suffixAlphabet.length)]).join("");
  const name = `${sent.generateName.slice(0, 58)}${suffix}`;
  return {
    ...sent,
    name,
    declared: { ...sent.declared, metadata: { ...(sent.declared["metadata"] as object), name } },
  };
}

function answer(
  { object, warnings }: Written,
  { rendering }: WriteMode,
  { api, code }: { api: ApiContext; code: 200 | 201 },
): Answer {
  const headers = warnings.length === 0 ? {} : { warning: [...warnings] };
  return json(renderObject(object, rendering, api.ports.now()), code, headers);
}

export function declaredKey(
  collection: Collection,
  name: string,
): { readonly kind: DeclaredKind; readonly name: string } {
  return { kind: collection.kind as DeclaredKind, name };
}
