/** The files in desired/ as the declared writer sees them; implemented by adapters/files. */
export interface DesiredFiles {
  /** Undefined when nothing is there. Throws HomieError SourceUnreadable for anything but a readable regular file. */
  read(path: string): FileSnapshot | undefined;
  /** True for anything at all that has this name. */
  readonly exists: (path: string) => boolean;
  /**
   * All edits or none: every file is written whole beside its place before the first is renamed. Answers the path of a
   * file that changed since it was read. Throws HomieError StateUnusable when the disk refuses.
   */
  write(edits: readonly FileEdit[]): { readonly ok: true } | { readonly ok: false; readonly changed: string };
}
export interface FileSnapshot {
  readonly path: string;
  readonly text: string;
  /** Opaque; tells this version of the file from every other. */
  readonly version: string;
}
export interface FileEdit {
  readonly path: string;
  /** Absent removes the file. */
  readonly text?: string;
  /** The version the edit is based on; absent means there must be no such file. */
  readonly basedOn?: string;
}
