import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import { atomicWriteSync } from "../files/atomic-write.ts";
import type { WireGuardConfig } from "./config.ts";
import { renderConf } from "./render-conf.ts";

const maxBytes = 8 * 1024 * 1024;
const mark = "# Written by homie and written over by it; sha256 of what follows: ";

/** Writes the file, 0600, where it differs. What somebody wrote there by hand is in FILE.orig afterwards. Answers whether it was. */
export function writeConf(path: string, config: WireGuardConfig): { readonly savedHandEdit: boolean } {
  const text = textOf(config);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const present = readPresent(path);
  if (isAs(present, text)) return { savedHandEdit: false };
  const savedHandEdit = saveHandEdit(path, present);
  atomicWriteSync(path, text, { mode: 0o600 });
  return { savedHandEdit };
}

/** Whether `writeConf` would write nothing. */
export function isWritten(path: string, config: WireGuardConfig): boolean {
  return isAs(readPresent(path), textOf(config));
}

function textOf(config: WireGuardConfig): string {
  const body = renderConf(config);
  return `${mark}${hashOf(body)}\n${body}`;
}

function isAs(present: Present | undefined, text: string): boolean {
  return present?.text === text && present.mode === 0o600;
}

export function removeConf(path: string): void {
  if (!saveHandEdit(path, readPresent(path))) rmSync(path, { force: true });
}

interface Present {
  readonly text: string | undefined;
  readonly mode: number;
}

/** The newest edit is kept, one: a tool that writes the file each minute must not fill the disk. */
function saveHandEdit(path: string, present: Present | undefined): boolean {
  if (present === undefined || isOurs(present.text)) return false;
  renameSync(path, `${path}.orig`);
  return true;
}

function isOurs(text: string | undefined): boolean {
  if (text?.startsWith(mark) !== true) return false;
  const end = text.indexOf("\n");
  return text.slice(mark.length, end) === hashOf(text.slice(end + 1));
}

/** Links are not followed: one that somebody put there is renamed like a file. */
function readPresent(path: string): Present | undefined {
  try {
    const facts = lstatSync(path);
    const isReadable = facts.isFile() && facts.size <= maxBytes;
    return { text: isReadable ? readFileSync(path, "utf8") : undefined, mode: facts.mode & 0o777 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new HomieError("StateUnusable", `read ${path}`, { cause: error });
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
