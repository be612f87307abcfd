import type { ApiObject } from "./collections.ts";
import type { Column } from "./columns.ts";
import type { Form } from "./negotiate.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

/** How the objects of one answer are written down. */
export interface Rendering {
  readonly form: Form;
  readonly includeObject: IncludeObject;
  readonly columns: readonly Column[];
}
export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** meta.k8s.io/v1 Table: cells are computed here, so every client shows the same words and ages. */
export function renderTable(
  objects: readonly ApiObject[],
  rendering: Pick<Rendering, "includeObject" | "columns">,
  metadata: ListMetadata,
  now: Date,
): object {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: columnDefinitions(rendering.columns),
    rows: objects.map((object) => renderRow(object, rendering, now)),
  };
}

/** In a watch, only the first event of a reader carries the column definitions. */
export function withoutColumns(table: object): object {
  return { ...table, columnDefinitions: null };
}

/** One object in the shape the client asked for. */
export function renderObject(object: ApiObject, rendering: Rendering, now: Date): object {
  if (rendering.form === "object") return object;
  if (rendering.form === "partial") return partial(object);
  return renderTable([object], rendering, { resourceVersion: object.metadata.resourceVersion }, now);
}

export function partial(object: ApiObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

function columnDefinitions(columns: readonly Column[]): readonly object[] {
  return columns.map(({ name, type, description, priority }) => ({
    name,
    type,
    format: name === "Name" ? "name" : "",
    description,
    priority,
  }));
}

function renderRow(object: ApiObject, rendering: Pick<Rendering, "includeObject" | "columns">, now: Date): object {
  const cells = rendering.columns.map((column) => column.cell(object, now));
  if (rendering.includeObject === "None") return { cells };
  return { cells, object: rendering.includeObject === "Object" ? object : partial(object) };
}
