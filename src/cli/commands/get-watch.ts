import { listPath } from "../client.ts";
import type { ApiList, Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { HomieError } from "../../resources/errors.ts";
import type { Target } from "../kinds.ts";
import { choosePaint } from "../render/colours.ts";
import { renderObjects } from "../render/objects.ts";
import type { ApiObject } from "../render/objects.ts";
import type { OutputFormat } from "../render/output-format.ts";
import { measureTable, renderTable } from "../render/table.ts";
import { asTable, chooseColumns, tableAccept, withoutClock } from "../table-view.ts";
import type { ApiTable, TableColumn, TableRow } from "../table-view.ts";
import { repeatRounds, watchOnce } from "../watch.ts";
import type { GetOptions } from "./get.ts";

/** Prints what there is, then one row per change of what is shown, until Ctrl-C. */
export async function watchObjects(
  context: CommandContext,
  client: Client,
  wish: { readonly target: Target; readonly format: OutputFormat; readonly options: GetOptions },
): Promise<number> {
  const { target, format, options } = wish;
  const query = {
    labelSelector: options.selector,
    fieldSelector: target.name === undefined ? options.fieldSelector : `metadata.name=${target.name}`,
  };
  if (target.name !== undefined) await client.get(target.kind, target.name); // an unknown name is an error, not silence
  const view = format.type === "table" ? createTableView(context, format.wide, options.headers) : undefined;
  const printed = new Map<string, string | undefined>();
  const printObject = async (object: ApiObject, isDeleted: boolean): Promise<void> => {
    if (isDeleted) return void printed.delete(object.metadata.name);
    if (printed.get(object.metadata.name) === object.metadata.resourceVersion) return;
    printed.set(object.metadata.name, object.metadata.resourceVersion);
    const print = { headers: options.headers, isTty: context.terminal.output.isTty };
    await context.terminal.output.write(await renderObjects([object], object, format, print));
  };
  const { interrupt } = context.terminal;
  return await repeatRounds<number>(context.terminal, interrupt, async () => {
    if (view !== undefined) {
      const listed = asTable(
        await client.call({ path: listPath(target.kind, { ...query, includeObject: "Object" }), accept: tableAccept }),
      );
      await view.show(listed, "ADDED");
      for await (const event of watchOnce(
        client,
        { kind: target.kind, accept: tableAccept, query: { ...query, includeObject: "Object" } },
        versionOf(listed),
        interrupt,
      )) {
        if (event.type !== "BOOKMARK") await view.show(asTable(event.object), event.type);
      }
      return undefined;
    }
    const list = await client.call<ApiList>({ path: listPath(target.kind, query) });
    for (const item of list.items)
      await printObject({ apiVersion: "homie.dev/v1", kind: target.kind.kind, ...item }, false);
    for await (const event of watchOnce(
      client,
      { kind: target.kind, query },
      list.metadata.resourceVersion,
      interrupt,
    )) {
      if (event.type !== "BOOKMARK") await printObject(event.object as ApiObject, event.type === "DELETED");
    }
    return undefined;
  });
}

function versionOf(table: ApiTable): string {
  if (table.metadata.resourceVersion !== undefined) return table.metadata.resourceVersion;
  throw new HomieError("DaemonUnavailable", "the daemon's list has no version to watch from");
}

interface TableView {
  show(table: ApiTable, type: "ADDED" | "MODIFIED" | "DELETED"): Promise<void>;
}

/** Remembers what each row looked like, and how wide the columns on the screen are. */
function createTableView(context: CommandContext, wide: boolean, headers: boolean): TableView {
  const { output, env } = context.terminal;
  const shownRows = new Map<string, string>();
  let columns: readonly TableColumn[] = [];
  let widths: readonly number[] | undefined;
  const isNews = (row: TableRow, type: string): boolean => {
    const name = row.object.metadata.name;
    if (type === "DELETED") return shownRows.delete(name);
    const key = JSON.stringify(
      chooseColumns(columns, wide).map((index) => withoutClock(columns[index], row.cells[index])),
    );
    if (shownRows.get(name) === key) return false;
    shownRows.set(name, key);
    return true;
  };
  return {
    show: async (table, type) => {
      if ((table.columnDefinitions?.length ?? 0) > 0) columns = table.columnDefinitions ?? [];
      const shown = chooseColumns(columns, wide);
      const rows = table.rows.filter((row) => isNews(row, type)).map((row) => shown.map((index) => row.cells[index]));
      if (rows.length === 0) return;
      const names = shown.map((index) => columns[index]?.name ?? "");
      const withHead = headers && widths === undefined;
      const paint = choosePaint(output.isTty, env);
      const text = renderTable(names, rows, {
        headers: withHead,
        maxWidth: output.columns,
        paint,
        ...(widths === undefined ? {} : { widths }),
      });
      widths = measureTable(names, rows).map((width, index) => Math.max(width, widths?.[index] ?? 0));
      await output.write(text);
    },
  };
}
