import { createHash } from "node:crypto";
import type { DesiredFile } from "../../store/types.ts";
import type { FileStamp } from "./file-stamp.ts";

/** What files say, by version, so that nothing is parsed twice. */
export interface KnownFiles {
  /** What this version says, when the stamp alone tells that it is the one that is known. */
  byStamp(path: string, stamp: FileStamp): DesiredFile | undefined;
  /** What these bytes of this version say, when that is known. */
  byBytes(path: string, stamp: FileStamp, bytes: Uint8Array): DesiredFile | undefined;
  /**
   * `isOld`: the file did not change a moment before it was looked at. Otherwise its stamp alone will not do: an edit of the
   * same length within the same tick of the clock has the same one.
   */
  put(path: string, version: FileVersion, isOld: boolean): void;
  forgetAllBut(isListed: (path: string) => boolean): void;
}
export interface FileVersion {
  readonly stamp: FileStamp;
  readonly bytes: Uint8Array;
  readonly file: DesiredFile;
}

interface Known {
  readonly stamp: FileStamp;
  readonly file: DesiredFile;
  /** Of the bytes, while the stamp alone will not do. */
  readonly sha256?: string;
}

export function createKnownFiles(): KnownFiles {
  const files = new Map<string, Known>();
  return {
    byStamp: (path, stamp) => {
      const known = files.get(path);
      return known?.stamp === stamp && known.sha256 === undefined ? known.file : undefined;
    },
    byBytes: (path, stamp, bytes) => {
      const known = files.get(path);
      if (known?.stamp !== stamp) return undefined;
      return known.sha256 === undefined || known.sha256 === sha256(bytes) ? known.file : undefined;
    },
    put: (path, { stamp, bytes, file }, isOld) =>
      void files.set(path, { stamp, file, ...(isOld ? {} : { sha256: sha256(bytes) }) }),
    forgetAllBut: (isListed) => {
      for (const path of files.keys()) if (!isListed(path)) files.delete(path);
    },
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}
