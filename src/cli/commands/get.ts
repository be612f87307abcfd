import type { CommandContext } from "../context.ts";
import type { Client } from "../client.ts";
import { HomieError } from "../../resources/errors.ts";
import { parseTargets } from "../kinds.ts";
import { compareValues, evaluatePath } from "../render/jsonpath.ts";
import { renderObjects, wrapObjects } from "../render/objects.ts";
import type { ApiObject } from "../render/objects.ts";
import { parseOutputFormat, parsePathOnly } from "../render/output-format.ts";
import type { OutputFormat } from "../render/output-format.ts";
import { printProblems } from "../problems.ts";
import { fetchTable, prefixNames, renderApiTable } from "../table-view.ts";

export interface GetOptions {
  readonly output?: string;
  readonly watch?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly headers: boolean;
  readonly sortBy?: string;
  readonly ignoreNotFound?: boolean;
}

export async function runGet(context: CommandContext, words: readonly string[], options: GetOptions): Promise<number> {
  const targets = parseTargets(words);
  const format = parseOutputFormat(options.output);
  const sortSteps = options.sortBy === undefined ? undefined : parsePathOnly(options.sortBy);
  if (options.watch === true) {
    const [target, ...more] = targets;
    if (target === undefined || more.length > 0) throw new HomieError("Usage", "-w watches one kind, or one object");
    if (sortSteps !== undefined) throw new HomieError("Usage", "rows of -w come as they change; leave out --sort-by");
    const { watchObjects } = await import("./get-watch.ts");
    return await context.withClient("daemon", (client) => watchObjects(context, client, { target, format, options }));
  }
  const request: GetRequest = { targets, sortSteps, format, options };
  return await context.withClient("any", async (client) => {
    await (format.type === "table" ? printTables(context, client, request) : printMarkup(context, client, request));
    await printProblems(context.terminal, client);
    return 0;
  });
}

interface GetRequest {
  readonly targets: ReturnType<typeof parseTargets>;
  readonly sortSteps: ReturnType<typeof parsePathOnly> | undefined;
  readonly format: OutputFormat;
  readonly options: GetOptions;
}

async function printTables(context: CommandContext, client: Client, request: GetRequest): Promise<void> {
  const { targets, sortSteps, options } = request;
  const wide = request.format.type === "table" && request.format.wide;
  const groups = Map.groupBy(targets, (target) => target.kind);
  let printed = 0;
  for (const [kind, members] of groups) {
    const table = await fetchTable(client, { kind, names: members.flatMap((member) => member.name ?? []), ...options });
    const sorted =
      sortSteps === undefined
        ? table
        : { ...table, rows: sortBy(table.rows, (row) => evaluatePath(sortSteps, row.object)[0]) };
    if (sorted.rows.length === 0) continue;
    if (printed > 0) await context.terminal.output.write("\n");
    await context.terminal.output.write(
      renderApiTable(groups.size > 1 ? prefixNames(sorted, kind) : sorted, wide, options.headers, context.terminal),
    );
    printed += sorted.rows.length;
  }
  if (printed === 0) await context.terminal.errors.write("nothing found\n");
}

async function printMarkup(context: CommandContext, client: Client, request: GetRequest): Promise<void> {
  const { targets, format, options, sortSteps } = request;
  const objects: ApiObject[] = [];
  let resourceVersion = "";
  for (const { kind, name } of targets) {
    if (name !== undefined) {
      const found = options.ignoreNotFound === true ? await client.find(kind, name) : await client.get(kind, name);
      if (found !== undefined) objects.push(found);
      continue;
    }
    const list = await client.list(kind, { labelSelector: options.selector, fieldSelector: options.fieldSelector });
    resourceVersion = list.metadata.resourceVersion;
    objects.push(...list.items.map((item) => ({ apiVersion: "homie.dev/v1", kind: kind.kind, ...item })));
  }
  const sorted = sortSteps === undefined ? objects : sortBy(objects, (object) => evaluatePath(sortSteps, object)[0]);
  const asList = targets.length > 1 || targets[0]?.name === undefined;
  if (sorted.length === 0 && !asList) return;
  const root = wrapObjects(sorted, asList, resourceVersion);
  const print = { headers: options.headers, isTty: context.terminal.output.isTty };
  await context.terminal.output.write(await renderObjects(sorted, root, format, print));
}

/** Stable; what has no value comes first, as with kubectl. */
function sortBy<T>(items: readonly T[], valueOf: (item: T) => unknown): readonly T[] {
  const rank = (value: unknown): number => (value === undefined || value === null ? 0 : 1);
  return items
    .map((item) => ({ item, value: valueOf(item) }))
    .sort((a, b) => rank(a.value) - rank(b.value) || (compareValues(a.value, b.value) ?? 0))
    .map((entry) => entry.item);
}
