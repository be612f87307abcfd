import { HomieError } from "../../resources/errors.ts";
import type { JoinPreview, NetworkReport } from "../../resources/network-report.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { isConnected, waitOnTerminal } from "../network/follow-report.ts";
import { createMeshClient } from "../network/mesh-client.ts";
import type { MeshClient } from "../network/mesh-client.ts";
import { withPaste } from "../network/pastes.ts";
import { askYesNo, canAsk } from "../network/questions.ts";
import { renderJson } from "../render/markup.ts";
import { connectionWords, renderNetworkProblems } from "../render/network.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { renderJoinPreview, renderWords } from "../render/pairing.ts";
import { safeLine } from "../render/safe-text.ts";
import type { JsonOption } from "./about.ts";
import { createNews, showReport } from "./network-status.ts";
import { checkMachineName } from "./setup.ts";

export interface JoinOptions extends JsonOption {
  readonly requestOnly?: boolean;
  readonly renew?: boolean;
  readonly bundle?: string;
  readonly name?: string;
  readonly yes?: boolean;
}

/** Asks to be let in, or takes an invite: in one go on a terminal, in two commands elsewhere. */
export async function runNetworkJoin(context: CommandContext, options: JoinOptions): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  checkOptions(context, options);
  return await context.withClient("daemon", async (client) => {
    const { terminal } = context;
    const mesh = createMeshClient(client);
    if (options.requestOnly === true) return await printRequest(context, mesh, options);
    if (options.bundle === undefined) await explainRequest(context, mesh, options);
    const [bundle, preview] = await withPaste(
      context,
      { given: options.bundle, question: "Paste the invite (hm1_...), then press Enter:" },
      async (text): Promise<readonly [string, JoinPreview]> => [text, await mesh.inspect(text)],
    );
    if (options.yes !== true && !(await compareWords(context, preview))) return exitCodes.error;
    const report = await mesh.join(bundle);
    if (asJson) await terminal.output.write(renderJson(report));
    else await showJoined(context, report);
    const waits = !asJson && options.yes !== true && terminal.output.isTty && report.peers.length > 0;
    if (waits) await waitForFirst(context, mesh);
    return exitCodes.ok;
  });
}

function checkOptions({ terminal }: CommandContext, options: JoinOptions): void {
  const { requestOnly, bundle, name, renew, yes } = options;
  if (name !== undefined) checkMachineName(name);
  if (bundle !== undefined && requestOnly === true)
    throw new HomieError("Usage", "--bundle takes an invite, --request-only asks for one; give one of the two");
  if (bundle !== undefined && (name !== undefined || renew === true))
    throw new HomieError(
      "Usage",
      `${renew === true ? "--renew" : "--name"} is for the request; the invite answers one`,
      {
        hint: "leave it out; the name in the network is the inviter's last word",
      },
    );
  if (requestOnly === true || canAsk(terminal)) return;
  if (bundle === undefined)
    throw new HomieError("Usage", "nobody is there to paste an invite", {
      hint: "homie network join --request-only, then homie network join --bundle - --yes",
    });
  if (yes !== true)
    throw new HomieError("Usage", "nobody is there to compare the six words", {
      hint: "--yes joins without asking: sure only if the invite came a way nobody can change",
    });
}

async function printRequest(context: CommandContext, mesh: MeshClient, options: JoinOptions): Promise<number> {
  const { output, errors } = context.terminal;
  const { request, fingerprint } = await mesh.request(requestOptions(options));
  if (options.output === "json") await output.write(renderJson({ request, fingerprint }));
  else {
    await output.write(`${safeLine(request)}\n`);
    await errors.write(`\nIts six words, which the inviter's screen must show too:\n\n${renderWords(fingerprint)}`);
  }
  return exitCodes.ok;
}

function requestOptions({ name, renew }: JoinOptions): { readonly name?: string; readonly renew?: boolean } {
  return { ...(name === undefined ? {} : { name }), ...(renew === undefined ? {} : { renew }) };
}

async function explainRequest(context: CommandContext, mesh: MeshClient, options: JoinOptions): Promise<void> {
  const { output, errors } = context.terminal;
  const { request, fingerprint } = await mesh.request(requestOptions(options));
  await errors.write("Send this join request to a member of the network; it is no secret:\n\n");
  await (options.output === "json" ? errors : output).write(`${safeLine(request)}\n`);
  await errors.write(
    `\nThe member runs \`homie network invite\`, pastes it, and sees six words. They must\nbe these; read them out over the phone, or in person:\n\n${renderWords(fingerprint)}\nThen you are sent an invite. If that takes a while, leave with Ctrl-C:\n\`homie network join\` shows the same request again, and takes the invite.\n\n`,
  );
}

async function compareWords({ terminal }: CommandContext, preview: JoinPreview): Promise<boolean> {
  await terminal.errors.write(renderJoinPreview(preview, terminal.errors.columns));
  const inviter = safeLine(preview.invitedBy);
  if (await askYesNo(terminal, `Does ${inviter}'s screen show these six words below the invite?`)) return true;
  await terminal.errors.write(
    `Then this invite is not ${inviter}'s, or answers another request. Nothing was joined.\n\`homie network join --renew\` makes a new request.\n`,
  );
  return false;
}

async function showJoined({ terminal }: CommandContext, report: NetworkReport): Promise<void> {
  const { you, name } = report;
  await terminal.output.write(`${safeLine(`joined ${name} as ${you.name}, ${you.ip}`)}\n`);
  const { interfaceProblem } = you;
  if (interfaceProblem !== undefined) await terminal.errors.write(renderNetworkProblems({ ...report, peers: [] }));
}

/** Until packets go to one other member; the rest are met in the background. */
async function waitForFirst(context: CommandContext, mesh: MeshClient): Promise<void> {
  const { terminal } = context;
  await terminal.errors.write("Looking for the others (Ctrl-C ends only the looking) ...\n");
  const news = createNews();
  let last: NetworkReport | undefined;
  const isDone = await waitOnTerminal(terminal, mesh, async (report) => {
    last = report;
    for (const peer of news(report).filter((one) => isConnected(report, one)))
      await terminal.errors.write(`${safeLine(`${peer.name} is connected (${connectionWords(peer)})`)}\n`);
    return report.peers.some((peer) => isConnected(report, peer));
  });
  if (isDone && last !== undefined) {
    await terminal.output.write("\n");
    await showReport(context, last);
  } else await terminal.errors.write("homie goes on looking; `homie network status` shows who is there\n");
}
