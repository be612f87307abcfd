import { objectPath } from "../client.ts";
import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { readInputs } from "../input-files.ts";
import type { InputFile } from "../input-files.ts";
import { findKind, parseTargets } from "../kinds.ts";
import type { KindWords, Target } from "../kinds.ts";
import { parseDuration } from "../render/duration.ts";
import type { ApiObject } from "../render/objects.ts";
import { safeLine } from "../render/safe-text.ts";
import { waitForCondition } from "../wait-for.ts";

export interface DeleteOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly selector?: string;
  readonly wait?: boolean | string;
  readonly timeout?: string;
  readonly ignoreNotFound?: boolean;
}

interface Doomed {
  readonly kind: KindWords;
  readonly name: string;
}

export async function runDelete(
  context: CommandContext,
  words: readonly string[],
  options: DeleteOptions,
): Promise<number> {
  const targets = parseTargets(words);
  checkRequest(targets, options);
  const waits = readWait(options.wait);
  const timeoutMs = parseDuration(options.timeout ?? "365d");
  if (timeoutMs === undefined)
    throw new HomieError("Usage", `${JSON.stringify(options.timeout)} is no duration`, {
      hint: "for example 90s or 10m",
    });
  const inputs =
    options.filename === undefined
      ? []
      : await readInputs(context.terminal, options.filename, options.recursive === true);
  const fromFiles = (await Promise.all(inputs.map(listDocuments))).flat();
  return await context.withClient("any", async (client) => {
    const doomed = [...fromFiles, ...(await resolveTargets(client, targets, options))];
    if (doomed.length === 0) await context.terminal.errors.write("nothing found\n");
    const leaving: (Doomed & { readonly uid?: string })[] = [];
    for (const one of doomed) {
      const uid = await deleteOne(context, client, one, options.ignoreNotFound === true);
      if (uid !== undefined) leaving.push(uid === "" ? one : { ...one, uid });
    }
    const deadline = context.terminal.now().getTime() + timeoutMs;
    if (waits && client.mode === "daemon") {
      for (const { kind, name, uid } of leaving) {
        await waitForCondition(context.terminal, client, {
          kind,
          name,
          wanted: { type: "delete", ...(uid === undefined ? {} : { uid }) },
          deadline,
        });
      }
    }
    if (client.mode === "offline" && leaving.length > 0) {
      await context.terminal.errors.write("what they left behind is removed when the daemon is up (`homie up -d`)\n");
    }
    return exitCodes.ok;
  });
}

function checkRequest(targets: readonly Target[], options: DeleteOptions): void {
  if (options.filename !== undefined) {
    if (targets.length > 0 || options.selector !== undefined)
      throw new HomieError("Usage", "give either -f or names, not both");
    return;
  }
  if (targets.length === 0)
    throw new HomieError("Usage", "nothing to delete", { hint: "give job/NAME, KIND -l SELECTOR or -f FILE" });
  for (const { kind, name } of targets) {
    if (!kind.isDeclared) throw new HomieError("Usage", `${kind.plural} are kept by homie and cannot be deleted`);
    if (name === undefined && options.selector === undefined) {
      throw new HomieError("Usage", `which ${kind.plural}?`, { hint: `give names, or ${kind.plural} -l SELECTOR` });
    }
    if (name !== undefined && options.selector !== undefined)
      throw new HomieError("Usage", "give either names or -l, not both");
  }
}

function readWait(value: boolean | string | undefined): boolean {
  if (value === undefined || value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw new HomieError("Usage", `--wait is true or false, not ${JSON.stringify(value)}`);
}

async function resolveTargets(
  client: Client,
  targets: readonly Target[],
  options: DeleteOptions,
): Promise<readonly Doomed[]> {
  const doomed: Doomed[] = [];
  for (const { kind, name } of targets) {
    if (name !== undefined) doomed.push({ kind, name });
    else
      doomed.push(
        ...(await client.list(kind, { labelSelector: options.selector })).items.map((item) => ({
          kind,
          name: item.metadata.name,
        })),
      );
  }
  return doomed;
}

async function listDocuments(input: InputFile): Promise<readonly Doomed[]> {
  const { parseAllDocuments } = await import("yaml");
  const documents = parseAllDocuments(input.text);
  const found: Doomed[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [problem] = document.errors;
    if (problem !== undefined)
      throw new HomieError("InvalidResource", `${input.file}: ${problem.message.split("\n")[0] ?? ""}`);
    const content = document.toJS({ maxAliasCount: 100 }) as {
      kind?: unknown;
      metadata?: { name?: unknown } | null;
    } | null;
    if (content === null) continue;
    if (typeof content.kind !== "string" || typeof content.metadata?.name !== "string") {
      throw new HomieError("InvalidResource", `${input.file}: a document has no kind or no metadata.name`);
    }
    found.push({ kind: findKind(content.kind), name: content.metadata.name });
  }
  return found;
}

/** The uid of what is on its way out; undefined when it was not there. */
async function deleteOne(
  context: CommandContext,
  client: Client,
  { kind, name }: Doomed,
  ignoreNotFound: boolean,
): Promise<string | undefined> {
  try {
    const answer = await client.call<ApiObject & { readonly details?: { readonly uid?: string } }>({
      method: "DELETE",
      path: objectPath(kind, name),
    });
    await context.terminal.output.write(`${safeLine(`${kind.kind.toLowerCase()}/${name}`)} deleted\n`);
    return answer.details?.uid ?? answer.metadata.uid ?? "";
  } catch (error) {
    if (ignoreNotFound && error instanceof HomieError && error.code === "NotFound") return undefined;
    throw error;
  }
}
