import type { ApplyResult } from "../../store/declared.ts";
import { applyInputs } from "../apply-client.ts";
import type { Client } from "../client.ts";
import { objectPath } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { readInputs } from "../input-files.ts";
import { findKind, kinds } from "../kinds.ts";
import { parseDuration } from "../render/duration.ts";
import { renderJson } from "../render/markup.ts";
import { safeLine } from "../render/safe-text.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { describeVerdict, waitForCondition } from "../wait-for.ts";

export interface ApplyOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly prune?: boolean;
  readonly selector?: string;
  readonly dryRun?: boolean;
  readonly forceConflicts?: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly output?: string;
}

interface Applied {
  readonly kind: string;
  readonly name: string;
  readonly action: ApplyResult["action"] | "pruned";
  readonly file?: string;
}

export async function runApply(context: CommandContext, options: ApplyOptions): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const timeoutMs = readTimeout(options);
  if (options.prune === true && options.selector === undefined) {
    throw new HomieError("Usage", "--prune needs -l SELECTOR", {
      hint: "only objects with that label are deleted when the input no longer names them",
    });
  }
  const inputs = await readInputs(context.terminal, options.filename ?? [], options.recursive === true);
  const need = options.wait === true ? "daemon" : "any";
  return await context.withClient(need, async (client) => {
    const dryRun = options.dryRun === true;
    const results = await applyInputs(client, inputs, {
      dryRun,
      forceConflicts: options.forceConflicts === true,
    });
    const pruned = options.prune === true ? await prune(client, results, options.selector ?? "", dryRun) : [];
    const applied: readonly Applied[] = [
      ...results.map(({ kind, name, action, file }) => ({ kind, name, action, file })),
      ...pruned,
    ];
    const { output, errors } = context.terminal;
    await output.write(asJson ? renderJson({ results: applied, dryRun }) : renderApplied(applied, dryRun));
    if (applied.length === 0) await errors.write("nothing in the input to apply\n");
    const news = applied.filter((one) => one.action !== "unchanged");
    if (client.mode === "offline" && !dryRun && news.length > 0) {
      const verb = news.some((one) => one.kind === "Job" && one.action !== "pruned") ? "runs" : "in force";
      await errors.write(`saved; ${verb} when the daemon is up (\`homie up -d\`)\n`);
    }
    return options.wait === true && !dryRun ? await waitForJobs(context, client, results, timeoutMs) : exitCodes.ok;
  });
}

function readTimeout(options: ApplyOptions): number | undefined {
  if (options.timeout === undefined) return undefined;
  if (options.wait !== true) throw new HomieError("Usage", "--timeout goes with --wait");
  const timeoutMs = parseDuration(options.timeout);
  if (timeoutMs === undefined)
    throw new HomieError("Usage", `${JSON.stringify(options.timeout)} is no duration`, {
      hint: "for example 90s, 10m or 1h30m",
    });
  return timeoutMs;
}

function renderApplied(applied: readonly Applied[], dryRun: boolean): string {
  return applied
    .map((one) => `${safeLine(`${one.kind.toLowerCase()}/${one.name}`)} ${one.action}${dryRun ? " (dry run)" : ""}\n`)
    .join("");
}

/** Deletes what carries the label and is not in the input any more. */
async function prune(
  client: Client,
  results: readonly ApplyResult[],
  selector: string,
  dryRun: boolean,
): Promise<readonly Applied[]> {
  const named = new Set(results.map((result) => `${result.kind}/${result.name}`));
  const pruned: Applied[] = [];
  for (const kind of kinds.filter((one) => one.isDeclared)) {
    const list = await client.list(kind, { labelSelector: selector });
    for (const { metadata } of list.items) {
      if (named.has(`${kind.kind}/${metadata.name}`) || metadata.deletionTimestamp !== undefined) continue;
      const path = `${objectPath(kind, metadata.name)}${dryRun ? "?dryRun=All" : ""}`;
      await client.call({ method: "DELETE", path });
      pruned.push({ kind: kind.kind, name: metadata.name, action: "pruned" });
    }
  }
  return pruned;
}

async function waitForJobs(
  context: CommandContext,
  client: Client,
  results: readonly ApplyResult[],
  timeoutMs: number | undefined,
): Promise<number> {
  const job = findKind("job");
  const deadline = timeoutMs === undefined ? undefined : context.terminal.now().getTime() + timeoutMs;
  let exitCode: number = exitCodes.ok;
  for (const { name } of results.filter((result) => result.kind === "Job")) {
    const verdict = await waitForCondition(context.terminal, client, {
      kind: job,
      name,
      wanted: { type: "condition", name: "Finished", value: "True" },
      deadline,
    });
    await context.terminal.output.write(`${describeVerdict(`job/${name}`, verdict)}\n`);
    if (verdict.object?.status?.["phase"] !== "Succeeded") exitCode = exitCodes.error;
  }
  return exitCode;
}
