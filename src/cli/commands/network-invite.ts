import { HomieError } from "../../resources/errors.ts";
import type { Invite, InvitePreview, NetworkReport } from "../../resources/network-report.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { isConnected, waitOnTerminal } from "../network/follow-report.ts";
import { createMeshClient } from "../network/mesh-client.ts";
import type { InviteRequest, MeshClient } from "../network/mesh-client.ts";
import { withPaste } from "../network/pastes.ts";
import { askYesNo, canAsk } from "../network/questions.ts";
import { renderJson } from "../render/markup.ts";
import { connectionWords } from "../render/network.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { renderWords } from "../render/pairing.ts";
import { safeLine } from "../render/safe-text.ts";
import { wrapAfter } from "../render/wrap.ts";
import type { JsonOption } from "./about.ts";
import { checkMachineName } from "./setup.ts";

export interface InviteOptions extends JsonOption {
  readonly request?: string;
  readonly name?: string;
  readonly yes?: boolean;
}

/** Lets a machine in: reads its join request, shows the six words, prints the invite, and waits until it is there. */
export async function runNetworkInvite(context: CommandContext, options: InviteOptions): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const { terminal } = context;
  const name = options.name === undefined ? {} : { name: checkMachineName(options.name) };
  const isInteractive = canAsk(terminal);
  if (!isInteractive && options.request === undefined)
    throw new HomieError("Usage", "nobody is there to paste a join request", {
      hint: "homie network invite --request hj1_... --yes, or --request - for stdin",
    });
  if (!isInteractive && options.yes !== true)
    throw new HomieError("Usage", "nobody is there to compare the six words", {
      hint: "--yes invites without asking: sure only if the request came a way nobody can change",
    });
  return await context.withClient("daemon", async (client) => {
    const mesh = createMeshClient(client);
    const network = await mesh.report();
    const [request, preview] = await withPaste(
      context,
      { given: options.request, question: "Paste the join request (hj1_...), then press Enter:" },
      async (text): Promise<readonly [InviteRequest, InvitePreview]> => {
        const asked = { request: text, ...name };
        return [asked, await mesh.preview(asked)];
      },
    );
    if (options.yes !== true && !(await compareWords(context, network, preview))) return exitCodes.error;
    const invite = await mesh.invite(request);
    if (asJson) await terminal.output.write(renderJson(invite));
    else await showInvite(context, invite);
    const waits = !asJson && options.yes !== true && terminal.output.isTty;
    if (waits) await waitForMember(context, mesh, invite);
    return exitCodes.ok;
  });
}

async function compareWords(context: CommandContext, network: NetworkReport, preview: InvitePreview): Promise<boolean> {
  const { terminal } = context;
  const name = safeLine(preview.name);
  const { errors } = terminal;
  const wish = `${name} wants to join ${safeLine(network.name)}; its address will be ${safeLine(preview.assignedIp)}.`;
  await errors.write(`\n${wrapAfter("", wish, errors.columns)}\n${renderWords(preview.fingerprint)}\n`);
  if (await askYesNo(terminal, `Does ${name}'s screen show the same six words?`)) return true;
  await terminal.errors.write(
    "Then somebody changed the request on its way, or it is another one. Nobody was invited.\nAsk for the request again, another way.\n",
  );
  return false;
}

/** The invite on stdout, so that it can be piped; what to do with it beside it. */
async function showInvite({ terminal }: CommandContext, invite: Invite): Promise<void> {
  const { output, errors } = terminal;
  const name = safeLine(invite.name);
  const what = `Send this invite to ${name}. Only that machine can open it, until ${safeLine(invite.expires)}:`;
  await errors.write(`\n${wrapAfter("", what, errors.columns)}\n`);
  await output.write(`${safeLine(invite.bundle)}\n`);
  await errors.write(`\nWhen it is pasted, ${name}'s screen shows these words:\n\n${renderWords(invite.confirmation)}`);
}

/** Until the new member is connected, and then until everybody who is online has met it. */
async function waitForMember(context: CommandContext, mesh: MeshClient, invite: Invite): Promise<void> {
  const { terminal } = context;
  const { errors } = terminal;
  const name = safeLine(invite.name);
  await errors.write(`\nWaiting for ${name} (Ctrl-C ends only the waiting) ...\n`);
  const met = new Set<string>();
  const isDone = await waitOnTerminal(terminal, mesh, async (report) => {
    const member = report.peers.find(({ node }) => node === invite.node);
    if (member === undefined || !isConnected(report, member)) return false;
    if (!met.has(report.you.name)) await errors.write(`${name} is connected (${safeLine(connectionWords(member))})\n`);
    met.add(report.you.name);
    for (const other of member.knownTo ?? []) {
      if (!met.has(other)) await errors.write(`  ${safeLine(other)} knows it\n`);
      met.add(other);
    }
    const others = report.peers.filter(({ node, status }) => node !== invite.node && status === "Online");
    return member.knownTo === undefined || others.every((other) => met.has(other.name));
  });
  if (!isDone) await errors.write(`the invite stays good; \`homie network status\` shows when ${name} is there\n`);
}
