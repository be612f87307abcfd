import { HomieError } from "../../resources/errors.ts";
import { isSound, readDocuments, valueOf } from "../../resources/sound-documents.ts";
import { spliceStatus } from "../../resources/splice-status.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";

/** As large as a file of desired/ may be read, and then some: git hands over whatever its attributes match. */
const maxBytes = 64 * 1024 * 1024;

/**
 * A git clean filter: stdin without the `status:` that homie wrote, all other bytes as they are. What is no UTF-8, no YAML, or
 * no resource of homie passes unchanged, because a filter that fails or guesses would spoil a commit.
 */
export async function runStripStatus({ terminal }: CommandContext): Promise<number> {
  const { input, output } = terminal;
  if (input.isTty)
    throw new HomieError("Usage", "strip-status reads a file from stdin", {
      hint: "git config filter.homie.clean 'homie strip-status'",
    });
  const bytes = await input.readBytes(maxBytes);
  const stripped = decode(bytes);
  await output.write(stripped ?? bytes);
  return exitCodes.ok;
}

/** Undefined when there is nothing to take out. */
function decode(bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    // A byte order mark stays where it is.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
  const stripped = stripOwnStatus(text);
  return stripped === text ? undefined : stripped;
}

function stripOwnStatus(text: string): string {
  const reading = readDocuments(text);
  if ("reason" in reading) return text;
  return reading.documents.reduce((stripped, document, index) => {
    const outcome =
      isSound(document) && isOurs(valueOf(document)) ? spliceStatus(stripped, index, undefined) : undefined;
    return outcome?.ok === true ? outcome.text : stripped;
  }, text);
}

/** Other people's YAML has a `status:` of its own. */
function isOurs(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("apiVersion" in value)) return false;
  return typeof value.apiVersion === "string" && value.apiVersion.startsWith("homie.dev/");
}
