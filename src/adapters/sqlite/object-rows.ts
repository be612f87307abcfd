import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { BaseStatus, Kind, Resource } from "../../resources/types.ts";
import type { ObjectRows, SavedObject } from "../../store/database.ts";

const columns = [
  "kind",
  "name",
  "uid",
  "generation",
  "resource_version",
  "creation_timestamp",
  "deletion_timestamp",
  "labels",
  "annotations",
  "finalizers",
  "spec",
  "status",
  "source_file",
  "source_document",
] as const;

export function createObjectRows(database: DatabaseSync): ObjectRows {
  const all = database.prepare(`SELECT ${columns.join(", ")} FROM objects ORDER BY kind, name`);
  const put = database.prepare(
    `INSERT OR REPLACE INTO objects (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  );
  const remove = database.prepare("DELETE FROM objects WHERE kind = ? AND name = ?");
  return {
    all: () => all.all().map(savedFromRow),
    put: ({ object, source }) => {
      const { metadata } = object;
      put.run(
        object.kind,
        metadata.name,
        metadata.uid,
        metadata.generation,
        metadata.resourceVersion,
        metadata.creationTimestamp,
        metadata.deletionTimestamp ?? null,
        json(metadata.labels),
        json(metadata.annotations),
        json(metadata.finalizers),
        JSON.stringify(object.spec),
        json(object.status),
        source?.file ?? null,
        source?.document ?? null,
      );
    },
    remove: (key) => void remove.run(key.kind, key.name),
  };
}

type Row = Record<string, SQLOutputValue>;

function savedFromRow(row: Row): SavedObject {
  const object: Resource = {
    apiVersion: "homie.dev/v1",
    kind: String(row["kind"]) as Kind,
    metadata: {
      name: String(row["name"]),
      uid: String(row["uid"]),
      generation: Number(row["generation"]),
      resourceVersion: String(row["resource_version"]),
      creationTimestamp: String(row["creation_timestamp"]),
      ...optional("deletionTimestamp", row["deletion_timestamp"], (text) => text),
      ...optional("labels", row["labels"], (text) => JSON.parse(text) as Record<string, string>),
      ...optional("annotations", row["annotations"], (text) => JSON.parse(text) as Record<string, string>),
      ...optional("finalizers", row["finalizers"], (text) => JSON.parse(text) as string[]),
    },
    spec: JSON.parse(String(row["spec"])) as unknown,
    ...optional("status", row["status"], (text) => JSON.parse(text) as BaseStatus),
  };
  const file = row["source_file"];
  if (typeof file !== "string") return { object };
  return { object, source: { file, document: Number(row["source_document"]) } };
}

/** `{[name]: read(value)}`, or nothing for NULL. */
export function optional<N extends string, T>(
  name: N,
  value: SQLOutputValue | undefined,
  read: (text: string) => T,
): { [K in N]?: T } {
  if (typeof value !== "string") return {};
  return { [name]: read(value) } as { [K in N]: T };
}

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
