import { HomieError } from "../../resources/errors.ts";
import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { ApiError } from "../failure.ts";
import { findKind, parseReference } from "../kinds.ts";
import { createMeshClient } from "../network/mesh-client.ts";
import { resolvePeerName } from "../peer-names.ts";
import { choosePaint } from "../render/colours.ts";
import { renderJson } from "../render/markup.ts";
import { reference } from "../render/objects.ts";
import type { ApiObject } from "../render/objects.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { renderPathExplanation } from "../render/path-words.ts";
import { renderPeerWords } from "../render/peer-words.ts";
import { readPlacement, renderDecision, renderPlacement } from "../render/placement.ts";
import type { PlacementView } from "../render/placement.ts";
import { safeLine } from "../render/safe-text.ts";

export interface WhyOptions {
  readonly output?: string;
}

/** Why a Job runs where it runs, or why nobody takes it; how a peer stands. */
export async function runWhy(context: CommandContext, word: string, options: WhyOptions): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const { kind, name } = parseReference(word.includes("/") ? word : `job/${word}`);
  if (kind.kind === "Peer") return await explainPeer(context, name, asJson);
  if (kind.kind !== "Job")
    throw new HomieError("Usage", `${JSON.stringify(word)} is neither a job nor a peer`, {
      hint: "for example `homie why job/train` or `homie why peer/bob`",
    });
  return await context.withClient("any", async (client) => {
    const { output, env, now } = context.terminal;
    const job: ApiObject = { kind: "Job", ...(await client.get(kind, name)) };
    const placement = await findPlacement(client, job);
    const layout = { maxWidth: output.columns, paint: choosePaint(output.isTty, env) };
    const text = (): string => `${headline(job, placement, now())}\n\n${renderPlacement(placement ?? {}, layout)}`;
    if (asJson) await output.write(renderJson(placement ?? { others: [], rejected: [] }));
    else await output.write(placement === undefined ? `${headline(job, placement, now())}\n` : text());
    return exitCodes.ok;
  });
}

/** The stored decision; for a Job that waits, how it would be decided now. */
async function findPlacement(client: Client, job: ApiObject): Promise<PlacementView | undefined> {
  const stored = readPlacement(job.status?.["placement"]);
  const phase = job.status?.["phase"] ?? "Pending";
  if (phase !== "Pending" || client.mode === "offline") return stored;
  try {
    return readPlacement(await client.call({ method: "POST", path: "/homie/v1/placements", body: job })) ?? stored;
  } catch (error) {
    // A daemon without a crew, or an older one, cannot say; what it knew last is the best there is.
    if (error instanceof ApiError && [404, 503].includes(error.status)) return stored;
    throw error;
  }
}

function headline(job: ApiObject, placement: PlacementView | undefined, now: Date): string {
  const { phase = "Pending", peer, attempt } = job.status ?? {};
  const decided = placement === undefined ? "" : renderDecision(placement, now);
  const after = decided === "" ? "" : `, ${decided}`;
  const name = reference(job);
  if (phase === "Pending") return safeLine(`${name} waits${after}${waitingFor(job, placement)}`);
  const where = typeof peer === "string" ? ` on ${peer}` : "";
  const which = typeof attempt === "number" ? `, attempt ${attempt}` : "";
  const known = placement === undefined ? "; no choice between machines was kept" : after;
  return safeLine(`${name} is ${String(phase)}${where}${which}${known}`);
}

function waitingFor({ status }: ApiObject, placement: PlacementView | undefined): string {
  // The message repeats in one line what the table below says.
  const isTold = placement !== undefined && placement.chosen === undefined && (placement.rejected ?? []).length > 0;
  const why = [status?.["reason"], isTold ? undefined : status?.["message"]].filter((one) => typeof one === "string");
  return why.length === 0 ? "" : ` (${why.join(": ")})`;
}

/** How the crew sees the peer, and, of a member of the mesh, how packets go to it. */
async function explainPeer(context: CommandContext, word: string, asJson: boolean): Promise<number> {
  return await context.withClient("any", async (client) => {
    const kind = findKind("peers");
    const { name } = await resolvePeerName(client, word);
    const peer = await client.find(kind, name);
    const called = peer?.status?.["name"];
    const member = typeof called === "string" ? called : name;
    const explanation = client.mode === "offline" ? undefined : await createMeshClient(client).explain(member);
    // The API's own words for "not found".
    if (peer === undefined && explanation === undefined) await client.get(kind, name);
    const { output, env, now } = context.terminal;
    const { phase, path, conditions } = peer?.status ?? {};
    const layout = { maxWidth: output.columns, paint: choosePaint(output.isTty, env) };
    const texts = [
      ...(peer === undefined ? [] : [renderPeerWords(peer, now())]),
      ...(explanation === undefined ? [] : [renderPathExplanation(explanation, layout)]),
    ];
    await output.write(asJson ? renderJson({ phase, path, conditions, explanation }) : texts.join("\n"));
    return exitCodes.ok;
  });
}
