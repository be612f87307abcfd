import { randomUUID } from "node:crypto";
import { declaredKinds } from "../resources/kinds.ts";
import type { DeclaredKind, Key, Kind, Manifest, Metadata, Resource } from "../resources/types.ts";

/** Keeps a deleted Job until its controller has stopped and cleared what it left in the world. */
export const cleanupFinalizer = "homie.dev/cleanup";

export function isDeclaredKind(kind: string | undefined): kind is DeclaredKind {
  return declaredKinds.some((declared) => declared === kind);
}

/** One string per object; only ever a Map key, so names like `__proto__` are ordinary. */
export function idOf(key: Key): string {
  return `${key.kind}/${key.name}`;
}

export function keyOf(object: Resource): Key {
  return { kind: object.kind, name: object.metadata.name };
}

export function manifestKey(manifest: Manifest): { readonly kind: DeclaredKind; readonly name: string } {
  return { kind: manifest.kind, name: manifest.metadata.name };
}

/** RFC 3339 in UTC without a fraction. */
export function timestampOf(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}

/** A copy that nobody else holds, exactly as the database will give it back. */
export function ownCopy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

export interface ObjectDraft {
  readonly kind: Kind;
  readonly name: string;
  readonly spec: unknown;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

export function newObject(
  draft: ObjectDraft,
  resourceVersion: string,
  now: Date,
  uid: string = randomUUID(),
): Resource {
  const finalizers = [...(draft.finalizers ?? [])];
  if (draft.kind === "Job" && !finalizers.includes(cleanupFinalizer)) finalizers.push(cleanupFinalizer);
  const metadata: Metadata = {
    name: draft.name,
    uid,
    generation: 1,
    resourceVersion,
    creationTimestamp: timestampOf(now),
    ...(draft.labels === undefined ? {} : { labels: ownCopy(draft.labels) }),
    ...(draft.annotations === undefined ? {} : { annotations: ownCopy(draft.annotations) }),
    ...(finalizers.length === 0 ? {} : { finalizers }),
  };
  return { apiVersion: "homie.dev/v1", kind: draft.kind, metadata, spec: ownCopy(draft.spec) };
}

export function draftOf(manifest: Manifest): ObjectDraft {
  const { labels, annotations } = manifest.metadata;
  return {
    ...manifestKey(manifest),
    spec: manifest.spec,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** The object with changed metadata and a new version; undefined removes a field. */
export function withMetadata(
  object: Resource,
  changes: { readonly [K in keyof Metadata]?: Metadata[K] | undefined },
): Resource {
  const metadata = Object.fromEntries(
    Object.entries({ ...object.metadata, ...changes }).filter(([, value]) => value !== undefined),
  );
  return { ...object, metadata: metadata as unknown as Metadata };
}
