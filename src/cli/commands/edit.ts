import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "../client.ts";
import { objectPath } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { ApiError, renderError } from "../failure.ts";
import { HomieError } from "../../resources/errors.ts";
import { maxInputBytes } from "../input-files.ts";
import { parseTargets } from "../kinds.ts";
import type { KindWords } from "../kinds.ts";
import { renderYaml } from "../render/markup.ts";
import type { ApiObject } from "../render/objects.ts";
import { safeLine } from "../render/safe-text.ts";
import type { Terminal } from "../terminal.ts";

interface Subject {
  readonly kind: KindWords;
  readonly name: string;
}

/** Opens an object in the editor and writes it back; what is wrong comes back into the editor as a comment. */
export async function runEdit(context: CommandContext, words: readonly string[]): Promise<number> {
  const [target, ...more] = parseTargets(words);
  if (target?.name === undefined || more.length > 0)
    throw new HomieError("Usage", "edit takes one object", { hint: "for example `homie edit job/train`" });
  if (!target.kind.isDeclared)
    throw new HomieError("Usage", `${target.kind.plural} are kept by homie and cannot be edited`);
  const subject = { kind: target.kind, name: target.name };
  return await context.withClient("any", async (client) => {
    const original = await client.get(subject.kind, subject.name);
    const directory = await mkdtemp(join(tmpdir(), "homie-edit-"));
    const file = join(directory, `${subject.kind.kind.toLowerCase()}-${subject.name}.yaml`);
    const outcome = await editUntilGood(context, client, { subject, original, file });
    if (outcome === "kept") return exitCodes.error;
    await rm(directory, { recursive: true, force: true });
    return exitCodes.ok;
  });
}

interface Session {
  readonly subject: Subject;
  readonly original: ApiObject;
  readonly file: string;
}

async function editUntilGood(context: CommandContext, client: Client, session: Session): Promise<"done" | "kept"> {
  const { subject, original, file } = session;
  const { output, errors } = context.terminal;
  const reference = safeLine(`${subject.kind.kind.toLowerCase()}/${subject.name}`);
  const pristine = await renderYaml(editablePart(original));
  let body = pristine;
  let trouble = "";
  for (;;) {
    await writeFile(file, heading(trouble) + body, { mode: 0o600 });
    await openEditor(context.terminal, file);
    const edited = stripHeading(await readFile(file, "utf8"));
    const isGivenUp = edited.trim() === "" || edited === pristine || (trouble !== "" && edited === body);
    if (isGivenUp && trouble === "") {
      await output.write("no changes made\n");
      return "done";
    }
    if (isGivenUp) {
      await errors.write(`${trouble}nothing was changed; your text is kept in ${file}\n`);
      return "kept";
    }
    body = edited;
    try {
      await writeBack(client, session, edited);
      await output.write(`${reference} edited\n`);
      return "done";
    } catch (error) {
      if (!isMendable(error)) {
        await errors.write(`your text is kept in ${file}\n`);
        throw error instanceof ApiError && error.status === 409 ? changedMeanwhile(reference) : error;
      }
      trouble = renderError(error);
    }
  }
}

function isMendable(error: unknown): error is HomieError {
  if (error instanceof ApiError) return error.status === 422 || error.status === 400;
  return error instanceof HomieError && error.code === "InvalidResource";
}

function changedMeanwhile(reference: string): HomieError {
  return new HomieError("Conflict", `${reference} was changed by somebody else meanwhile`, {
    hint: `look at it with \`homie get ${reference} -o yaml\`, then apply your text with \`homie apply -f\``,
  });
}

/** What a person may change; the rest is kept by homie. */
function editablePart(object: ApiObject): unknown {
  const { name, labels, annotations } = object.metadata;
  const metadata = {
    name,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { apiVersion: object.apiVersion, kind: object.kind, metadata, spec: object.spec ?? {} };
}

const headingMark = "#homie ";

function heading(trouble: string): string {
  const lines = [
    ...trouble.split("\n").filter((line) => line !== ""),
    "Save and close to apply. Lines that begin with #homie are ignored; an empty file changes nothing.",
  ];
  return lines.map((line) => `${headingMark}${line}\n`).join("");
}

function stripHeading(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith(headingMark.trimEnd()))
    .join("\n");
}

async function writeBack(client: Client, { subject, original }: Session, text: string): Promise<void> {
  if (text.length > maxInputBytes) throw new HomieError("InvalidResource", "the text is larger than 1 MiB");
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined)
    throw new HomieError("InvalidResource", problem.message.split("\n")[0] ?? "the text is no YAML");
  const wanted = document.toJS({ maxAliasCount: 100 }) as { metadata?: { name?: unknown }; kind?: unknown } | null;
  if (
    typeof wanted !== "object" ||
    wanted === null ||
    wanted.metadata?.name !== subject.name ||
    wanted.kind !== subject.kind.kind
  ) {
    throw new HomieError("InvalidResource", "kind and metadata.name must stay as they are", {
      hint: "another name is another object: use `homie apply`",
    });
  }
  await replace(client, subject, original, wanted);
}

const mostTries = 5;

/** Status is written all the time while a job runs; only a change of what people write is a conflict. */
async function replace(
  client: Client,
  subject: Subject,
  original: ApiObject,
  wanted: { readonly metadata?: object },
): Promise<void> {
  let base = original;
  for (let tries = 1; ; tries += 1) {
    const { uid, resourceVersion } = base.metadata;
    try {
      const body = { ...wanted, metadata: { ...wanted.metadata, uid, resourceVersion } };
      await client.call({
        method: "PUT",
        path: `${objectPath(subject.kind, subject.name)}?fieldValidation=Strict`,
        body,
      });
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409 || tries === mostTries) throw error;
      base = await client.get(subject.kind, subject.name);
      const isSame =
        base.metadata.uid === original.metadata.uid &&
        JSON.stringify(editablePart(base)) === JSON.stringify(editablePart(original));
      if (!isSame) throw error;
    }
  }
}

/** The editor's words are split at spaces (`code --wait`) and never go through a shell. */
async function openEditor(terminal: Terminal, file: string): Promise<void> {
  const chosen = terminal.env["VISUAL"] || terminal.env["EDITOR"] || "vi";
  const [command = "vi", ...args] = chosen.trim().split(/\s+/u);
  const code = await new Promise<number>((resolve, reject) => {
    const child = spawn(command, [...args, file], { stdio: "inherit" });
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new HomieError(
          "ProcessFailed",
          `cannot start the editor ${JSON.stringify(command)}: ${error.code ?? error.message}`,
          { hint: "set EDITOR to an editor that is installed", cause: error },
        ),
      ),
    );
    child.once("exit", (exitCode) => resolve(exitCode ?? 1));
  });
  if (code !== 0) throw new HomieError("ProcessFailed", `the editor ended with code ${code}; nothing was changed`);
}
