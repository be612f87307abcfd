import { objectPath, listPath } from "./client.ts";
import type { Client } from "./client.ts";
import { ApiError } from "./failure.ts";
import type { KindWords } from "./kinds.ts";
import { choosePaint } from "./render/colours.ts";
import { renderAge } from "./render/duration.ts";
import type { ApiObject } from "./render/objects.ts";
import { renderTable } from "./render/table.ts";
import type { Terminal } from "./terminal.ts";

/** meta.k8s.io/v1 Table: the API decides the columns, the CLI only lays them out. */
export interface ApiTable {
  readonly kind: "Table";
  readonly metadata: { readonly resourceVersion?: string };
  /** Absent in all but the first event of a watch. */
  readonly columnDefinitions?: readonly TableColumn[] | null;
  readonly rows: readonly TableRow[];
}
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  /** Above 0: shown by `-o wide` only. */
  readonly priority: number;
}
export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object: ApiObject;
}

export const tableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

export interface TableQuery {
  readonly kind: KindWords;
  /** Empty: the whole list. */
  readonly names: readonly string[];
  readonly selector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly ignoreNotFound?: boolean | undefined;
}

export async function fetchTable(client: Client, query: TableQuery): Promise<ApiTable> {
  if (query.names.length === 0) {
    const path = listPath(query.kind, {
      labelSelector: query.selector,
      fieldSelector: query.fieldSelector,
      includeObject: "Object",
    });
    return asTable(await client.call<unknown>({ path, accept: tableAccept }));
  }
  const tables: ApiTable[] = [];
  for (const name of query.names) {
    try {
      tables.push(
        asTable(
          await client.call<unknown>({
            path: `${objectPath(query.kind, name)}?includeObject=Object`,
            accept: tableAccept,
          }),
        ),
      );
    } catch (error) {
      if (!(query.ignoreNotFound === true && error instanceof ApiError && error.status === 404)) throw error;
    }
  }
  return {
    kind: "Table",
    metadata: {},
    columnDefinitions: tables[0]?.columnDefinitions ?? [],
    rows: tables.flatMap((table) => table.rows),
  };
}

/** An answer that is no Table (a server that does not know them) becomes one of names and ages. */
export function asTable(answer: unknown): ApiTable {
  const given = answer as Partial<ApiTable> & { readonly items?: readonly ApiObject[] } & ApiObject;
  if (given.kind === ("Table" as string)) return answer as ApiTable;
  const now = new Date();
  const rows = (given.items ?? [given]).map((object) => ({
    cells: [object.metadata.name, renderAge(object.metadata.creationTimestamp, now)],
    object,
  }));
  return { kind: "Table", metadata: given.metadata, columnDefinitions: fallbackColumns, rows };
}

const fallbackColumns: readonly TableColumn[] = [
  { name: "Name", type: "string", format: "name", priority: 0 },
  { name: "Age", type: "string", priority: 0 },
];

/** Indexes of the columns to show. */
export function chooseColumns(columns: readonly TableColumn[], wide: boolean): readonly number[] {
  return columns.flatMap((column, index) => (wide || column.priority === 0 ? [index] : []));
}

/** Ages and running times grow by themselves: a row in which nothing else differs is no news. Such cells count as one. */
export function withoutClock(column: TableColumn | undefined, cell: unknown): unknown {
  const isClock =
    column !== undefined && (column.type === "date" || /^(age|runtime|last ?seen|first ?seen)$/iu.test(column.name));
  return isClock && /^((\d+[smhdy])+|-|<unknown>)$/u.test(String(cell)) ? "(time)" : cell;
}

export function renderApiTable(table: ApiTable, wide: boolean, headers: boolean, terminal: Terminal): string {
  const columns = table.columnDefinitions ?? [];
  const shown = chooseColumns(columns, wide);
  return renderTable(
    shown.map((index) => columns[index]?.name ?? ""),
    table.rows.map((row) => shown.map((index) => row.cells[index])),
    { headers, maxWidth: terminal.output.columns, paint: choosePaint(terminal.output.isTty, terminal.env) },
  );
}

/** `job/train` instead of `train`, for listings of several kinds. */
export function prefixNames(table: ApiTable, kind: KindWords): ApiTable {
  const nameColumn = (table.columnDefinitions ?? []).findIndex((column) => column.format === "name");
  const rename = (cell: unknown, index: number): unknown =>
    index === nameColumn ? `${kind.kind.toLowerCase()}/${String(cell)}` : cell;
  return { ...table, rows: table.rows.map((row) => ({ ...row, cells: row.cells.map(rename) })) };
}
