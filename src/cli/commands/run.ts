import type { Survey } from "../../api/ports.ts";
import { applyInputs } from "../apply-client.ts";
import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { ApiError } from "../failure.ts";
import { HomieError } from "../../resources/errors.ts";
import { findKind } from "../kinds.ts";
import { renderBox } from "../render/box.ts";
import { choosePaint } from "../render/colours.ts";
import { renderYaml } from "../render/markup.ts";
import { readPlacement, renderPlacement } from "../render/placement.ts";
import { safeLine } from "../render/safe-text.ts";
import { draftJob } from "../run/draft.ts";
import type { Draft, JobManifest } from "../run/draft.ts";
import { explainInvalid } from "../run/explain-invalid.ts";
import { followJob } from "../run/follow.ts";
import { readWish } from "../run/options.ts";
import type { Program, RunOptions, Wish } from "../run/options.ts";
import { choosePlaces } from "../run/project.ts";
import { askSurvey, describeSurvey, renderSurvey, surveyWarnings } from "../run/survey.ts";

/** `words` before `--`, `rest` after it; undefined without `--`. */
export async function runRun(
  context: CommandContext,
  words: readonly string[],
  options: RunOptions,
  rest: readonly string[] | undefined,
): Promise<number> {
  const wish = readWish(words, rest, options);
  const draft = draftJob(wish, await choosePlaces(context, wish));
  return await context.withClient(wish.dryRun === "manifest" ? "any" : "daemon", async (client) => {
    const { name } = draft.manifest.metadata;
    await refuseTaken(client, name);
    if (wish.dryRun === "peers") return await showCandidates(context, client, draft);
    const survey = await askSurvey(client, draft.sources);
    if (wish.dryRun === "manifest") return await rehearse(context, client, draft, survey);
    await declare(context, client, draft.manifest, false);
    await announce(context, wish, draft, survey);
    if (options.detach === true) {
      await context.terminal.output.write(`job/${name}\n`);
      await context.terminal.errors.write(`it runs without this terminal; \`homie attach job/${name}\` follows it\n`);
      return exitCodes.ok;
    }
    return await followJob({ terminal: context.terminal, client, name, givesUp: true });
  });
}

/** Applying to a job that is there would edit it, and an unchanged one would not even run. */
async function refuseTaken(client: Client, name: string): Promise<void> {
  // A name that cannot be one is the API's to explain.
  if (!/^[-a-z0-9]{1,63}$/u.test(name) || (await client.find(findKind("job"), name)) === undefined) return;
  throw new HomieError("AlreadyExists", `job/${name} is there already`, {
    hint: `choose another --name, or \`homie delete job/${name}\` first`,
  });
}

async function declare(
  context: CommandContext,
  client: Client,
  manifest: JobManifest,
  dryRun: boolean,
): Promise<string> {
  const text = await renderYaml(manifest);
  const input = { file: `${manifest.metadata.name}.yaml`, text, baseDirectory: context.terminal.directory };
  try {
    await applyInputs(client, [input], { dryRun, forceConflicts: false });
  } catch (error) {
    throw error instanceof ApiError && error.status === 422 ? await explainInvalid(error, manifest) : error;
  }
  return text;
}

async function rehearse(context: CommandContext, client: Client, draft: Draft, survey: Survey): Promise<number> {
  const text = await declare(context, client, draft.manifest, true);
  await context.terminal.output.write(text);
  await context.terminal.errors.write(renderSurvey(survey));
  return exitCodes.ok;
}

async function showCandidates({ terminal }: CommandContext, client: Client, { manifest }: Draft): Promise<number> {
  try {
    const request = { method: "POST", path: "/homie/v1/placements", body: manifest } as const;
    const placement = readPlacement(await client.call(request)) ?? {};
    const { columns, isTty } = terminal.output;
    const layout = { maxWidth: columns, paint: choosePaint(isTty, terminal.env) };
    await terminal.output.write(renderPlacement(placement, layout));
    return placement.chosen === undefined ? exitCodes.refused : exitCodes.ok;
  } catch (error) {
    throw error instanceof ApiError && error.status === 422 ? await explainInvalid(error, manifest) : error;
  }
}

async function announce(
  { terminal }: CommandContext,
  { program, options }: Wish,
  { manifest, sources }: Draft,
  survey: Survey,
): Promise<void> {
  const { name } = manifest.metadata;
  const { isTty, columns } = terminal.errors;
  const sends = describeSurvey(survey);
  const warnings = surveyWarnings(survey).join("");
  if (!isTty) return await terminal.errors.write(`job/${name}: sending ${safeLine(sends)}\n${warnings}`);
  const [size = "", largest] = sends.split(" (largest: ");
  const rows = [
    ["run", describeProgram(program)],
    ...(sources.projectPath === undefined ? [] : [["project", sources.projectPath]]),
    ["sending", size],
    ...(largest === undefined ? [] : [["largest", keepUnits(largest.slice(0, -1))]]),
    ...(options.peer === undefined ? [] : [["peer", options.peer]]),
    ["outputs to", options.out ?? "this directory"],
  ] as const;
  const paint = choosePaint(isTty, terminal.env);
  const shown = rows.map(([label = "", text = ""]): [string, string] => [label, text]);
  await terminal.errors.write(renderBox(`job/${name}`, shown, { columns, paint }) + warnings);
}

/** A line never breaks between a number and its unit. */
function keepUnits(text: string): string {
  return text.replaceAll(/ (?=[KMGT]?i?B\b)/gu, "\u00A0");
}

function describeProgram(program: Program): string {
  return (program.type === "command" ? program.argv : [program.file, ...program.args]).join(" ");
}
