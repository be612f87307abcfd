import { HomieError } from "../../resources/errors.ts";
import type { PeerStatus } from "../../resources/peer.ts";
import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { findKind } from "../kinds.ts";
import { readLimits } from "../limits-client.ts";
import { choosePaint } from "../render/colours.ts";
import { renderJson } from "../render/markup.ts";
import type { ApiObject } from "../render/objects.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { renderTop } from "../render/top.ts";
import type { PeerView, TopSection, TopView } from "../render/top.ts";
import { askOwnName, listRunning } from "../running-attempts.ts";
import type { Screen } from "../screen.ts";

export interface TopOptions {
  readonly once?: boolean;
  readonly output?: string;
}

const sections: readonly TopSection[] = ["peers", "jobs"];
const everyMs = 2000;

/** Peers and what runs: live on a terminal, once elsewhere. */
export async function runTop(
  context: CommandContext,
  word: string | undefined,
  options: TopOptions,
  openScreen: () => Promise<Screen> = openOwnScreen,
): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const chosen = word === undefined ? sections : sections.filter((section) => section === word);
  if (chosen.length === 0)
    throw new HomieError("Usage", `there is no top of ${JSON.stringify(word)}`, {
      hint: "`homie top peers` or `homie top jobs`",
    });
  return await context.withClient("daemon", async (client) => {
    const { output, env, now } = context.terminal;
    const first = await takeView(client, now());
    if (asJson) await output.write(renderJson(keepSections(first, chosen)));
    else if (options.once === true || !output.isTty || env["TERM"] === "dumb") {
      const paint = choosePaint(output.isTty, env);
      await output.write(renderTop(first, { sections: chosen, columns: output.columns, paint }));
    } else await showLive(context, client, { screen: await openScreen(), chosen, first });
    return exitCodes.ok;
  });
}

async function openOwnScreen(): Promise<Screen> {
  return (await import("../node-screen.ts")).openNodeScreen({ process });
}

interface Live {
  readonly screen: Screen;
  readonly chosen: readonly TopSection[];
  readonly first: TopView;
}

/** Until somebody quits. A daemon that restarts is waited for; meanwhile the last answer stays on the screen. */
async function showLive(context: CommandContext, client: Client, { screen, chosen, first }: Live): Promise<void> {
  const { env, now } = context.terminal;
  const paint = choosePaint(true, env);
  const quitting = new Promise<undefined>((resolve) => {
    if (screen.quit.aborted) resolve(undefined);
    screen.quit.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  let view = first;
  let remark: string | undefined;
  let askedMs = now().getTime();
  try {
    while (!screen.quit.aborted) {
      const { columns, rows } = screen;
      const problem = remark === undefined ? {} : { remark };
      await screen.draw(renderTop(view, { sections: chosen, columns, rows, paint, ...problem }));
      await screen.pause(Math.max(0, askedMs + everyMs - now().getTime()));
      // A change of size is drawn at once, with the figures there are.
      if (screen.quit.aborted || now().getTime() < askedMs + everyMs) continue;
      askedMs = now().getTime();
      const answer = await Promise.race([quitting, takeView(client, now()).catch(asRemark)]);
      if (answer === undefined) return;
      if (typeof answer === "string") remark = answer;
      else [view, remark] = [answer, undefined];
    }
  } finally {
    screen.close();
  }
}

function asRemark(error: unknown): string {
  if (error instanceof HomieError && error.code === "DaemonUnavailable")
    return `these are the last figures: ${error.message}`;
  throw error;
}

async function takeView(client: Client, now: Date): Promise<TopView> {
  const name = await askOwnName(client);
  const [peers, running, limits] = await Promise.all([
    client.list(findKind("peers")),
    listRunning(client, name),
    readLimits(client),
  ]);
  const { allocatable, allocated } = (limits.status ?? {}) as TopView["lent"];
  return {
    time: now.toISOString(),
    name,
    lent: { ...(allocatable === undefined ? {} : { allocatable }), ...(allocated === undefined ? {} : { allocated }) },
    peers: peers.items.map(viewPeer),
    jobs: running.items,
  };
}

function viewPeer({ metadata, status }: ApiObject): PeerView {
  const { name, observedGeneration: _seen, conditions: _conditions, ...rest } = (status ?? {}) as PeerStatus;
  return { ...rest, name: metadata.name, ...(name === undefined ? {} : { calledName: name }) };
}

function keepSections({ peers, jobs, ...rest }: TopView, chosen: readonly TopSection[]): Partial<TopView> {
  return { ...rest, ...(chosen.includes("peers") ? { peers } : {}), ...(chosen.includes("jobs") ? { jobs } : {}) };
}
