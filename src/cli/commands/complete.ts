import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { connectDaemon } from "../connect.ts";
import { createClient } from "../client.ts";
import type { Client } from "../client.ts";
import { createMeshClient } from "../network/mesh-client.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { findKind, kinds } from "../kinds.ts";
import { safeLine } from "../render/safe-text.ts";

/** A shell waits for the answer between two keystrokes. */
const patienceMs = 500;

/** Prints what can stand in place of the last word, one a line. Never fails: no answer is an answer. */
export async function runComplete(
  context: CommandContext,
  program: Command,
  words: readonly string[],
): Promise<number> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const candidates = await listCandidates(context, program, before, typed);
  const fitting = [...new Set(candidates)].filter((word) => word.startsWith(typed));
  await context.terminal.output.write(fitting.map((word) => `${safeLine(word)}\n`).join(""));
  return exitCodes.ok;
}

async function listCandidates(
  context: CommandContext,
  program: Command,
  before: readonly string[],
  typed: string,
): Promise<readonly string[]> {
  const { command, rest } = findCommand(program, before);
  const subcommands = command.commands.filter((one) => !one.name().startsWith("_")).map((one) => one.name());
  const previous = before.at(-1) ?? "";
  const option = command.options.find((one) => previous !== "" && (one.long === previous || one.short === previous));
  if (option !== undefined && (option.required || option.optional))
    return option.long === "--peer" ? await listNames(context, "peers") : optionValues(option.long ?? "");
  if (typed.startsWith("-"))
    return command.options.filter((one) => !one.hidden).flatMap((one) => one.long ?? one.short ?? []);
  if (subcommands.length > 0) return subcommands;
  return await listArguments(
    context,
    command.name(),
    rest.filter((word) => !word.startsWith("-")),
    typed,
  );
}

function findCommand(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } {
  let command = program;
  for (const [index, word] of words.entries()) {
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) return { command, rest: words.slice(index) };
    command = next;
  }
  return { command, rest: [] };
}

function optionValues(long: string): readonly string[] {
  if (long === "--output") return ["table", "wide", "json", "yaml", "name", "jsonpath=", "custom-columns="];
  if (long === "--for") return ["finished", "complete", "failed", "delete", "condition=", "phase=", "jsonpath="];
  if (long === "--runtime") return ["docker", "process"];
  if (long === "--network") return ["none", "egress"];
  if (long === "--role") return ["mooch", "plug", "self"];
  return [];
}

const onlyArgument: Readonly<Record<string, readonly string[]>> = {
  completion: ["bash", "zsh", "fish"],
  top: ["peers", "jobs"],
};

const referencesFor: Readonly<Record<string, readonly string[]>> = {
  logs: ["job"],
  cancel: ["job"],
  attach: ["job"],
  why: ["job", "peer"],
};

async function listArguments(
  context: CommandContext,
  command: string,
  given: readonly string[],
  typed: string,
): Promise<readonly string[]> {
  const choices = onlyArgument[command];
  if (choices !== undefined) return given.length === 0 ? choices : [];
  const references = referencesFor[command];
  if (references !== undefined) return await listReferences(context, references);
  if (command === "revoke") return given.length === 0 ? await listMembers(context) : [];
  if (command === "explain") return kinds.filter((kind) => kind.isDeclared).map((kind) => kind.kind.toLowerCase());
  if (!["get", "describe", "delete", "edit", "wait"].includes(command)) return [];
  const slash = typed.indexOf("/");
  if (slash !== -1)
    return (await listNames(context, typed.slice(0, slash))).map((name) => `${typed.slice(0, slash + 1)}${name}`);
  const [first] = given;
  if (first !== undefined && !first.includes("/")) return await listNames(context, first);
  const words = command === "wait" ? [] : kinds.map((kind) => kind.plural);
  return [...words, ...(await listReferences(context, ["job"]))];
}

/** job/train, peer/bob ... */
async function listReferences(context: CommandContext, singulars: readonly string[]): Promise<readonly string[]> {
  const lists = singulars.map(async (word) => (await listNames(context, word)).map((name) => `${word}/${name}`));
  return (await Promise.all(lists)).flat();
}

/** Of the mesh; a member may have another name there than its Peer object. */
async function listMembers(context: CommandContext): Promise<readonly string[]> {
  return await askBriefly(context, async (client) => {
    const { peers } = await createMeshClient(client).report();
    return peers.filter(({ status }) => status !== "Revoked").map(({ name }) => name);
  });
}

/** Empty when the word is no kind. */
async function listNames(context: CommandContext, word: string): Promise<readonly string[]> {
  return await askBriefly(context, async (client) =>
    (await client.list(findKind(word))).items.map((item) => item.metadata.name),
  );
}

/** Empty when no daemon answers in time. */
async function askBriefly(
  context: CommandContext,
  ask: (client: Client) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    const transport = await connectDaemon(context.paths.socket);
    const patience = AbortSignal.timeout(patienceMs);
    return await ask(createClient(transport, AbortSignal.any([context.terminal.interrupt, patience])));
  } catch (error) {
    if (error instanceof HomieError || (error instanceof Error && /Abort|Timeout/u.test(error.name))) return [];
    throw error;
  }
}
