import type { Key, Manifest, Resource } from "../resources/types.ts";

/** Every write into desired/ that homie makes for a person: apply, edit, create, delete. One writer at a time. */
export interface DeclaredWriter {
  /** Three-way merge of every document in `text`. All or nothing: with a conflict or an invalid document no file changes. */
  apply(request: ApplyRequest): Promise<ApplyOutcome>;
  /**
   * Creates or replaces one object (API create, PUT, PATCH, edit), keeping comments and order of the file it lives in.
   * Throws HomieError AlreadyExists, NotFound, InvalidResource or ConflictError (stale version, or the file has
   * changed and was not read yet). Answers the object as stored.
   */
  write(manifest: Manifest, options: WriteOptions): Promise<Resource>;
  /** Takes the document out of its file (the file too, if it was the last) and marks the object deleted. */
  remove(key: Key, options?: { readonly dryRun?: boolean; readonly uid?: string }): Promise<Resource>;
}
export interface ApplyRequest {
  /** Name for messages: a path, or "stdin". */
  readonly file: string;
  readonly text: string;
  /** Absolute; relative paths in the documents start here. */
  readonly baseDirectory: string;
  readonly dryRun?: boolean;
  readonly forceConflicts?: boolean;
}
export interface ApplyOutcome {
  readonly results: readonly ApplyResult[];
}
export interface ApplyResult {
  readonly kind: Manifest["kind"];
  readonly name: string;
  readonly action: "created" | "configured" | "unchanged";
  /** Absolute path in desired/. */
  readonly file: string;
  /** YAML of the document before and after, for `homie diff`. */
  readonly before?: string;
  readonly after?: string;
}
export interface ApplyConflict {
  readonly kind: string;
  readonly name: string;
  /** "spec.timeoutSeconds" */
  readonly path: string;
  /** Value in desired/ (changed by hand) and in the input; absent means the field is gone there. */
  readonly live?: unknown;
  readonly input?: unknown;
}
export interface WriteOptions {
  readonly mode: "create" | "replace" | "upsert";
  /** Fails with ConflictError unless the object is still at this version. */
  readonly expectedVersion?: string;
  readonly dryRun?: boolean;
}
