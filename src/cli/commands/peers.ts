import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { findKind } from "../kinds.ts";
import { choosePaint } from "../render/colours.ts";
import { renderObjects, wrapObjects } from "../render/objects.ts";
import type { ApiObject } from "../render/objects.ts";
import { parseOutputFormat } from "../render/output-format.ts";
import { peerHeaders, peerRow } from "../render/peers.ts";
import { measureTable, renderTable } from "../render/table.ts";
import { repeatRounds, watchOnce } from "../watch.ts";
import { listPeers } from "./direct-peers.ts";
import { watchObjects } from "./get-watch.ts";

export interface PeersOptions {
  readonly output?: string;
  readonly watch?: boolean;
}

export async function runPeers(context: CommandContext, options: PeersOptions): Promise<number> {
  const format = parseOutputFormat(options.output);
  const { output, errors, env } = context.terminal;
  if (options.watch === true) {
    return await context.withClient("daemon", async (client) => {
      if (format.type === "table") return await watchRows(context, client);
      const target = { kind: findKind("peers") };
      return await watchObjects(context, client, { target, format, options: { headers: true } });
    });
  }
  return await context.withClient("any", async (client) => {
    const peers = await listPeers(client);
    if (format.type !== "table") {
      const print = { headers: true, isTty: output.isTty };
      await output.write(await renderObjects(peers, wrapObjects(peers, true), format, print));
    } else if (peers.length === 0) {
      await errors.write("nobody yet; machines with the same group_secret find each other, or `homie add HOST`\n");
    } else {
      const paint = choosePaint(output.isTty, env);
      await output.write(renderTable(peerHeaders, peers.map(peerRow), { maxWidth: output.columns, paint }));
    }
    return exitCodes.ok;
  });
}

/** All rows first, then one for each Peer whose row has changed, until Ctrl-C. */
async function watchRows(context: CommandContext, client: Client): Promise<number> {
  const { output, env, interrupt } = context.terminal;
  const shown = new Map<string, string>();
  let widths: readonly number[] | undefined;
  const show = async (peers: readonly ApiObject[]): Promise<void> => {
    const news = peers.filter((peer) => {
      const row = JSON.stringify(peerRow(peer));
      const isNews = shown.get(peer.metadata.name) !== row;
      shown.set(peer.metadata.name, row);
      return isNews;
    });
    if (news.length === 0) return;
    const rows = news.map(peerRow);
    const layout = { headers: widths === undefined, maxWidth: output.columns, paint: choosePaint(output.isTty, env) };
    await output.write(renderTable(peerHeaders, rows, { ...layout, ...(widths === undefined ? {} : { widths }) }));
    widths = measureTable(peerHeaders, rows).map((width, index) => Math.max(width, widths?.[index] ?? 0));
  };
  return await repeatRounds<number>(context.terminal, interrupt, async () => {
    const kind = findKind("peers");
    const list = await client.list(kind);
    await show(list.items);
    const request = { kind, query: {} };
    for await (const event of watchOnce(client, request, list.metadata.resourceVersion, interrupt)) {
      const peer = event.object as ApiObject;
      if (event.type === "DELETED") shown.delete(peer.metadata.name);
      else if (event.type !== "BOOKMARK") await show([peer]);
    }
    return undefined;
  });
}
