import type { DeclaredKind, Key, Manifest, Resource } from "../resources/types.ts";
import type { HistoryEntry, HistoryFilter, RecordedEvent } from "./types.ts";

/** What the store needs from a database; implemented by adapters/sqlite. Every method is synchronous. */
export interface StoreDatabase {
  /**
   * Runs `body` in one transaction (a nested call joins it). "full" survives a power cut, "relaxed" a kill -9.
   * Throws HomieError StateUnusable when the disk refuses; nothing is kept then.
   */
  transaction<T>(body: () => T, durability?: "full" | "relaxed"): T;
  readonly version: { load(): number; save(version: number): void };
  readonly objects: ObjectRows;
  readonly events: EventRows;
  readonly history: HistoryRows;
  readonly cancels: CancelRows;
  readonly lastApplied: LastAppliedRows;
  readonly published: PublishedRows;
  /** Where a database that could not be read was put aside when this one was opened. */
  readonly setAside?: string;
  close(): void;
}

export interface SavedObject {
  readonly object: Resource;
  /** Only objects declared in a file have one. */
  readonly source?: { readonly file: string; readonly document: number };
}
export interface ObjectRows {
  all(): readonly SavedObject[];
  put(saved: SavedObject): void;
  remove(key: Key): void;
}
export interface EventRows {
  /** Oldest first. */
  all(): readonly RecordedEvent[];
  put(event: RecordedEvent): void;
  remove(name: string): void;
}
export interface HistoryRows {
  /** The same attempt again replaces its entry, so a restart in between never doubles it. */
  put(entry: HistoryEntry): void;
  /** Newest first. */
  list(filter?: HistoryFilter): readonly HistoryEntry[];
  clear(): void;
}
export interface CancelRows {
  put(uid: string, generation: number, message: string): void;
  get(uid: string, generation: number): { readonly message: string } | undefined;
  removeAll(uid: string): void;
}

/** What `homie apply` last wrote for one object. */
export interface AppliedRow {
  /** Absent between the promise of a base directory and the write of the file. */
  readonly manifest?: Manifest;
  /** The document's bytes as applied; tells an untouched file from one edited by hand. */
  readonly text?: string;
  readonly baseDirectory: string;
}
export interface LastAppliedRows {
  get(kind: DeclaredKind, name: string): AppliedRow | undefined;
  put(kind: DeclaredKind, name: string, row: AppliedRow): void;
  remove(kind: DeclaredKind, name: string): void;
}

/** Files homie itself put outside its home: only what it wrote may it overwrite. */
export interface PublishedRows {
  recordPublished(path: string, sha256: string, jobUid: string): void;
  publishedSha(path: string): string | undefined;
}
