import { cidrProblem, dialableProblem, hostPortProblem } from "../../resources/address-rules.ts";
import { HomieError } from "../../resources/errors.ts";
import type { NetworkReport } from "../../resources/network-report.ts";
import { suggest } from "../../resources/suggest.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { createMeshClient } from "../network/mesh-client.ts";
import { canAsk, confirm } from "../network/questions.ts";
import { choosePaint } from "../render/colours.ts";
import { renderJson } from "../render/markup.ts";
import { renderNetcheck } from "../render/netcheck.ts";
import { renderNetworkProblems } from "../render/network.ts";
import { renderNetworkLog } from "../render/network-log.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { safeLine } from "../render/safe-text.ts";
import type { JsonOption } from "./about.ts";
import { isDnsLabel } from "./setup.ts";

export interface CreateOptions extends JsonOption {
  readonly cidr?: string;
  readonly port?: string;
  readonly endpoint?: string;
}

/** Makes a network with this machine as its founder. */
export async function runNetworkCreate(context: CommandContext, name: string, options: CreateOptions): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const request = { name: checkNetworkName(name), ...readPlace(options) };
  return await context.withClient("daemon", async (client) => {
    const report = await createMeshClient(client).create(request);
    const { output, errors } = context.terminal;
    if (asJson) await output.write(renderJson(report));
    else {
      const { you, cidr } = report;
      await output.write(`${safeLine(`network ${report.name} (${cidr}) is made; you are ${you.name}, ${you.ip}`)}\n`);
      await errors.write(renderNetworkProblems(report));
      await errors.write("\nLet somebody in: they run `homie network join`, you run `homie network invite`.\n");
    }
    return exitCodes.ok;
  });
}

/** The same letters as for a machine: it is part of host names. */
function checkNetworkName(name: string): string {
  if (isDnsLabel(name)) return name;
  throw new HomieError("Usage", `${JSON.stringify(name)} cannot be the name of a network`, {
    hint: "lower-case letters, digits and hyphens, at most 63, such as homelab",
  });
}

function readPlace({ cidr, port, endpoint }: CreateOptions): {
  readonly cidr?: string;
  readonly listenPort?: number;
  readonly endpoint?: string;
} {
  refuse("--cidr", cidr, cidr === undefined ? undefined : cidrProblem(cidr));
  const endpointProblem = (text: string): string | undefined =>
    hostPortProblem(text, { portRequired: true }) ?? dialableProblem(text);
  refuse("--endpoint", endpoint, endpoint === undefined ? undefined : endpointProblem(endpoint));
  const isPort = port === undefined || (/^\d{1,5}$/u.test(port) && Number(port) >= 1 && Number(port) <= 65535);
  refuse("--port", port, isPort ? undefined : "is not a port: 1 to 65535");
  return {
    ...(cidr === undefined ? {} : { cidr }),
    ...(port === undefined ? {} : { listenPort: Number(port) }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

function refuse(option: string, value: string | undefined, problem: string | undefined): void {
  if (problem !== undefined) throw new HomieError("Usage", `${option} ${JSON.stringify(value)} ${problem}`);
}

/** Who invited whom. */
export async function runNetworkLog(context: CommandContext, options: JsonOption): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  return await context.withClient("daemon", async (client) => {
    const items = await createMeshClient(client).log();
    const { output, env } = context.terminal;
    const paint = choosePaint(output.isTty, env);
    await output.write(asJson ? renderJson({ items }) : renderNetworkLog(items, { maxWidth: output.columns, paint }));
    return exitCodes.ok;
  });
}

export interface YesOption extends JsonOption {
  readonly yes?: boolean;
}

/** Takes a member out, for ever. */
export async function runNetworkRevoke(context: CommandContext, word: string, options: YesOption): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const peer = word.replace(/^peers?\//u, "");
  return await context.withClient("daemon", async (client) => {
    const { terminal } = context;
    const mesh = createMeshClient(client);
    const willAsk = options.yes !== true && canAsk(terminal);
    const question = willAsk ? describeLoss(peer, await mesh.report()) : "";
    if (!(await confirm(terminal, question, options.yes === true))) return await unchanged(context);
    const revoked = await mesh.revoke(peer);
    if (asJson) await terminal.output.write(renderJson(revoked));
    else await terminal.output.write(renderRevoked(revoked.name, revoked.alsoOut));
    return exitCodes.ok;
  });
}

/** What somebody should know before. A name that is none is told before anything is asked. */
function describeLoss(peer: string, { peers, you }: NetworkReport): string {
  if (peer === you.name || peer === you.node)
    throw new HomieError("Usage", "this is the machine itself", { hint: "homie network leave" });
  const member = peers.find(({ name, node }) => name === peer || node === peer);
  if (member === undefined) {
    const near = suggest(
      peer,
      peers.map(({ name }) => name),
    );
    const hint = near === undefined ? "`homie network status` lists the members" : `did you mean ${near}?`;
    throw new HomieError("NotFound", `no member is called ${JSON.stringify(peer)}`, { hint });
  }
  const invited = [...peers, you].filter(({ invitedBy }) => invitedBy === member.name).map(({ name }) => name);
  const stays = invited.length === 0 ? "It has invited nobody" : `Whom it has invited stays: ${invited.join(", ")}`;
  const name = safeLine(member.name);
  return `Revoking cannot be taken back: ${name} is out for ever, on all machines.\n${safeLine(stays)}.\nRevoke ${name}?`;
}

function renderRevoked(name: string, alsoOut: readonly string[]): string {
  const also = alsoOut.map((one) => `${safeLine(one)} is out too: it was invited by a member that is out\n`).join("");
  return `${safeLine(name)} is revoked; members that are reachable cut it off within seconds, the others when they are back\n${also}`;
}

/** Takes this machine out. */
export async function runNetworkLeave(context: CommandContext, options: YesOption): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  return await context.withClient("daemon", async (client) => {
    const mesh = createMeshClient(client);
    const { name, you } = await mesh.report();
    const question = `Leaving takes ${safeLine(you.name)} out of ${safeLine(name)}; to come back it must be invited again.\nLeave?`;
    if (!(await confirm(context.terminal, question, options.yes === true))) return await unchanged(context);
    await mesh.leave();
    await context.terminal.output.write(asJson ? renderJson({ left: name }) : `left ${safeLine(name)}\n`);
    return exitCodes.ok;
  });
}

async function unchanged({ terminal }: CommandContext): Promise<number> {
  await terminal.errors.write("nothing was changed\n");
  return exitCodes.error;
}

/** Which NAT is in front of this machine, and what it means. */
export async function runNetcheck(context: CommandContext, options: JsonOption): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  return await context.withClient("daemon", async (client) => {
    const report = await createMeshClient(client).netcheck();
    await context.terminal.output.write(
      asJson ? renderJson(report) : renderNetcheck(report, context.terminal.output.columns),
    );
    return exitCodes.ok;
  });
}
