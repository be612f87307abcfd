import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { findKind } from "../kinds.ts";
import { resolvePeerName } from "../peer-names.ts";
import { attemptHeaders, attemptRow, isOver, viewAttempt } from "../render/attempts.ts";
import type { AttemptView } from "../render/attempts.ts";
import { choosePaint } from "../render/colours.ts";
import { renderJson } from "../render/markup.ts";
import type { ApiObject } from "../render/objects.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { measureTable, renderTable } from "../render/table.ts";
import { askOwnName, listRunning } from "../running-attempts.ts";
import { repeatRounds, watchOnce } from "../watch.ts";

export interface PsOptions {
  readonly peer?: string;
  readonly output?: string;
  readonly watch?: boolean;
}

/** Attempts that are under way: here and elsewhere, for this machine and for others. */
export async function runPs(context: CommandContext, options: PsOptions): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const { output, errors, env, now } = context.terminal;
  if (options.watch === true)
    return await context.withClient("daemon", async (client) => await watchAttempts(context, client, options));
  return await context.withClient("any", async (client) => {
    const isWanted = await chooseByPeer(client, options.peer);
    const { items } = await listRunning(client, await askOwnName(client));
    const wanted = items.filter(isWanted);
    if (asJson) await output.write(renderJson({ items: wanted }));
    else if (wanted.length === 0) await errors.write("nothing runs\n");
    else {
      const layout = { maxWidth: output.columns, paint: choosePaint(output.isTty, env) };
      const rows = wanted.map((view) => attemptRow(view, now()));
      await output.write(renderTable(attemptHeaders, rows, layout));
    }
    return exitCodes.ok;
  });
}

async function chooseByPeer(client: Client, peer: string | undefined): Promise<(view: AttemptView) => boolean> {
  if (peer === undefined) return () => true;
  const { all } = await resolvePeerName(client, peer);
  return (view) => all.includes(view.peer);
}

/** All of them first, then a row for each change, the last one of each saying Finished; until Ctrl-C. */
async function watchAttempts(context: CommandContext, client: Client, options: PsOptions): Promise<number> {
  const { interrupt } = context.terminal;
  const kind = findKind("attempts");
  const isWanted = await chooseByPeer(client, options.peer);
  const own = await askOwnName(client);
  const show = createRowPrinter(context, parseJsonOnly(options.output) === "json");
  return await repeatRounds<number>(context.terminal, interrupt, async () => {
    const { items, resourceVersion } = await listRunning(client, own);
    await show(items.filter(isWanted));
    for await (const event of watchOnce(client, { kind, query: {} }, resourceVersion, interrupt)) {
      if (event.type === "BOOKMARK" || event.type === "DELETED") continue;
      const attempt = event.object as ApiObject;
      const view = viewAttempt(attempt, own);
      if (isWanted(view)) await show([view], isOver(attempt));
    }
    return undefined;
  });
}

type Show = (views: readonly AttemptView[], isLast?: boolean) => Promise<void>;

/** Prints what differs from what was printed of the same attempt; of one that was over all along, nothing. */
function createRowPrinter(context: CommandContext, asJson: boolean): Show {
  const { output, env, now } = context.terminal;
  const shown = new Map<string, string>();
  let widths: readonly number[] | undefined;
  return async (views, isLast = false) => {
    const news = views.filter((view) => {
      const key = JSON.stringify(view);
      const before = shown.get(view.name);
      if (isLast) return shown.delete(view.name);
      shown.set(view.name, key);
      return before !== key;
    });
    if (news.length === 0) return;
    if (asJson) return await output.write(news.map(renderJson).join(""));
    const rows = news.map((view) => attemptRow(view, now()));
    const layout = { headers: widths === undefined, maxWidth: output.columns, paint: choosePaint(output.isTty, env) };
    await output.write(renderTable(attemptHeaders, rows, { ...layout, ...(widths === undefined ? {} : { widths }) }));
    widths = measureTable(attemptHeaders, rows).map((width, index) => Math.max(width, widths?.[index] ?? 0));
  };
}
