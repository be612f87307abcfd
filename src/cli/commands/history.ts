import { HomieError } from "../../resources/errors.ts";
import type { HistoryEntry } from "../../store/types.ts";
import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { resolvePeerName } from "../peer-names.ts";
import { choosePaint } from "../render/colours.ts";
import { parseDuration } from "../render/duration.ts";
import { historyHeaders, historyRow, statsHeaders, statsRows, summarizeHistory } from "../render/history.ts";
import { renderJson } from "../render/markup.ts";
import { parseMoment } from "../render/moment.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { renderTable } from "../render/table.ts";

export interface HistoryOptions {
  readonly peer?: string;
  readonly role?: string;
  readonly failed?: boolean;
  readonly success?: boolean;
  readonly since?: string;
  readonly limit?: string;
  readonly stats?: boolean;
  readonly clear?: boolean;
  readonly output?: string;
}

const path = "/homie/v1/history";

/** Attempts that are over, newest first: the machine's own, and those it ran for others. */
export async function runHistory(context: CommandContext, options: HistoryOptions): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  if (options.clear === true) return await clearHistory(context, options);
  const query = readQuery(options, context.terminal.now());
  const { output, errors, env, now } = context.terminal;
  return await context.withClient("any", async (client) => {
    const entries = await fetchHistory(client, query, options.peer);
    const layout = { maxWidth: output.columns, paint: choosePaint(output.isTty, env) };
    if (options.stats === true) {
      const stats = summarizeHistory(entries);
      await output.write(asJson ? renderJson(stats) : renderTable(statsHeaders, statsRows(stats), layout));
    } else if (asJson) await output.write(renderJson({ items: entries }));
    else if (entries.length === 0) await errors.write("nothing yet that fits\n");
    else {
      const rows = entries.map((entry) => historyRow(entry, now()));
      await output.write(renderTable(historyHeaders, rows, layout));
    }
    return exitCodes.ok;
  });
}

async function fetchHistory(
  client: Client,
  query: Readonly<Record<string, string>>,
  peer: string | undefined,
): Promise<readonly HistoryEntry[]> {
  const named: Readonly<Record<string, string>> =
    peer === undefined ? query : { ...query, peer: (await resolvePeerName(client, peer)).all.join(",") };
  const { items } = await client.call<{ readonly items: readonly HistoryEntry[] }>({
    path: `${path}?${new URLSearchParams(named).toString()}`,
  });
  return items;
}

async function clearHistory(context: CommandContext, options: HistoryOptions): Promise<number> {
  const { clear: _clear, output: _output, ...others } = options;
  if (Object.values(others).some((value) => value !== undefined))
    throw new HomieError("Usage", "--clear forgets everything; it goes with no other option", {
      hint: "`homie history --clear`",
    });
  return await context.withClient("any", async (client) => {
    await client.call({ method: "DELETE", path });
    await context.terminal.output.write("history cleared\n");
    return exitCodes.ok;
  });
}

function readQuery(options: HistoryOptions, now: Date): Readonly<Record<string, string>> {
  const { role, failed, success, since, limit } = options;
  if (role !== undefined && !["mooch", "plug", "self"].includes(role))
    throw new HomieError("Usage", `--role cannot be ${JSON.stringify(role)}`, {
      hint: "mooch: run elsewhere for this machine; plug: run here for others; self: its own, here",
    });
  if (failed === true && success === true)
    throw new HomieError("Usage", "no attempt has both failed and succeeded", {
      hint: "leave out both to see all",
    });
  if (limit !== undefined && !/^\d{1,9}$/u.test(limit))
    throw new HomieError("Usage", `--limit cannot be ${JSON.stringify(limit)}`, { hint: "a whole number: --limit 20" });
  return {
    ...(role === undefined ? {} : { role }),
    ...(failed === true ? { outcome: "failed" } : success === true ? { outcome: "succeeded" } : {}),
    ...(since === undefined ? {} : { since: readSince(since, now).toISOString() }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function readSince(text: string, now: Date): Date {
  const ago = parseDuration(text);
  const moment = ago === undefined ? parseMoment(text) : new Date(now.getTime() - ago);
  // Longer ago than a Date can say, or than RFC 3339 has years for.
  if (moment !== undefined && moment.getTime() >= 0) return moment;
  if (ago !== undefined) return new Date(0);
  throw new HomieError("Usage", `--since cannot be ${JSON.stringify(text)}`, {
    hint: "a duration or a moment: --since 2d, --since 90m, --since 2026-11-23T12:00:00Z",
  });
}
