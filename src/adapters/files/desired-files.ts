import { mkdirSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { HomieError, type ErrorCode } from "../../resources/errors.ts";
import type { DesiredFiles, FileEdit } from "../../store/desired-files.ts";
import { fsyncDirectorySync, stageWrite, type AtomicWriteOptions, type StagedWrite } from "./atomic-write.ts";
import { lstatBig, stampAt, type FileStamp } from "./file-stamp.ts";
import { readManifestBytes } from "./read-manifest-file.ts";

/** `trustOwnWrite` hears of every file that was renamed into place, with its stamp if nobody has touched it since. */
export function createDesiredFiles(options: {
  readonly trustOwnWrite: (path: string, stamp: FileStamp | undefined) => void;
}): DesiredFiles {
  return {
    read: (path) => {
      const read = translated(path, "SourceUnreadable", () => readManifestBytes(path));
      if (read.ok) return { path, text: Buffer.from(read.bytes).toString("utf8"), version: read.stamp };
      if (read.reason === "gone") return undefined;
      const because = read.reason === "changing" ? "it is being written right now" : `it ${read.message}`;
      throw new HomieError("SourceUnreadable", `cannot read ${path}: ${because}`);
    },
    exists: (path) => lstatBig(path) !== undefined,
    write: (edits) => {
      const staged: { readonly edit: FileEdit; readonly write: StagedWrite }[] = [];
      try {
        for (const edit of edits) {
          const renamed = (stamp: FileStamp | undefined): void => options.trustOwnWrite(edit.path, stamp);
          if (edit.text !== undefined) staged.push({ edit, write: stageEdit(edit, edit.text, renamed) });
        }
        const changed = edits.find((edit) => !isUnchanged(edit));
        if (changed !== undefined) return { ok: false, changed: changed.path };
        while (staged.length > 0) {
          const next = staged.shift();
          if (next?.write.publish() === false) return { ok: false, changed: next.edit.path };
        }
        return removeFiles(edits.filter((edit) => edit.text === undefined));
      } finally {
        for (const { write } of staged) write.discard();
      }
    },
  };
}

function stageEdit(edit: FileEdit, text: string, renamed: NonNullable<AtomicWriteOptions["renamed"]>): StagedWrite {
  translated(edit.path, "StateUnusable", () => mkdirSync(dirname(edit.path), { recursive: true, mode: 0o700 }));
  const mode = Number((lstatBig(edit.path)?.mode ?? 0o600n) & 0o777n);
  return stageWrite(edit.path, text, { mode, confirm: () => isUnchanged(edit), renamed });
}

function isUnchanged(edit: FileEdit): boolean {
  return stampAt(edit.path) === edit.basedOn;
}

function removeFiles(edits: readonly FileEdit[]): ReturnType<DesiredFiles["write"]> {
  for (const edit of edits) {
    if (!isUnchanged(edit)) return { ok: false, changed: edit.path };
    translated(edit.path, "StateUnusable", () => {
      unlinkSync(edit.path);
      fsyncDirectorySync(dirname(edit.path));
    });
  }
  return { ok: true };
}

function translated<T>(path: string, code: ErrorCode, step: () => T): T {
  try {
    return step();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new HomieError(code, `cannot use ${path}: ${message}`, { cause: error });
  }
}
