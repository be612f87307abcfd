import type { NetworkPeerReport, NetworkReport } from "../../resources/network-report.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { followReport } from "../network/follow-report.ts";
import { createMeshClient } from "../network/mesh-client.ts";
import { choosePaint } from "../render/colours.ts";
import { renderJson } from "../render/markup.ts";
import { networkHeaders, networkRow, renderNetwork } from "../render/network.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { measureTable, renderTable } from "../render/table.ts";
import type { JsonOption } from "./about.ts";

export interface NetworkStatusOptions extends JsonOption {
  readonly watch?: boolean;
}

/** The members, how packets go to each, and what all have together; with --watch, each change too. */
export async function runNetworkStatus(context: CommandContext, options: NetworkStatusOptions): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  return await context.withClient("daemon", async (client) => {
    const { terminal } = context;
    const mesh = createMeshClient(client);
    const first = await mesh.report();
    const show = asJson
      ? async (report: NetworkReport): Promise<void> => await terminal.output.write(renderJson(report))
      : async (report: NetworkReport): Promise<void> => await showReport(context, report);
    await show(first);
    if (options.watch !== true) return exitCodes.ok;
    const news = createNews(first);
    await followReport(terminal, mesh, terminal.interrupt, async (report) => {
      const changed = news(report);
      if (changed.length > 0) await (asJson ? show(report) : showRows(context, report, changed));
      return false;
    });
    return exitCodes.ok;
  });
}

export async function showReport({ terminal }: CommandContext, report: NetworkReport): Promise<void> {
  const { output, env, now } = terminal;
  const paint = choosePaint(output.isTty, env);
  await output.write(renderNetwork(report, { now: now(), maxWidth: output.columns, paint }));
}

/** Lines up with the table above as long as no name is longer than those in it. */
async function showRows(
  { terminal }: CommandContext,
  report: NetworkReport,
  changed: readonly NetworkPeerReport[],
): Promise<void> {
  const { output, env, now } = terminal;
  const paint = choosePaint(output.isTty, env);
  const toRow = (peer: NetworkPeerReport): readonly string[] => networkRow(peer, now());
  const widths = measureTable(networkHeaders, report.peers.map(toRow));
  const rows = changed.map(toRow);
  await output.write(renderTable(networkHeaders, rows, { headers: false, maxWidth: output.columns, paint, widths }));
}

/** Answers who changed since the last report. What moves all the time (round trip, handshake) is no news. */
export function createNews(first?: NetworkReport): (report: NetworkReport) => readonly NetworkPeerReport[] {
  const shown = new Map<string, string>();
  const news = (report: NetworkReport): readonly NetworkPeerReport[] =>
    report.peers.filter((peer) => {
      const { node, name, status, connection, via, reason } = peer;
      const facts = JSON.stringify([name, status, connection, via, reason]);
      const isNews = shown.get(node) !== facts;
      shown.set(node, facts);
      return isNews;
    });
  if (first !== undefined) news(first);
  return news;
}
