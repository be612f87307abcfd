import { statfs } from "node:fs/promises";

export interface FreeSpace {
  readonly bytes: number;
  readonly files: number;
  readonly totalBytes: number;
}

/** What is left on the file system of a directory; undefined when nobody can say. */
export async function askFreeSpace(directory: string): Promise<FreeSpace | undefined> {
  try {
    const { bavail, bsize, blocks, ffree } = await statfs(directory);
    return { bytes: bavail * bsize, files: ffree, totalBytes: blocks * bsize };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EACCES" || code === "EPERM") return undefined;
    throw error;
  }
}

const customaryFloorBytes = 5 * 2 ** 30;

/** Below this no program may go on writing. Half of what is there now on a disk that has less than the customary floor. */
export function floorFor({ bytes, totalBytes }: FreeSpace): number {
  return Math.floor(Math.min(Math.max(customaryFloorBytes, totalBytes / 10), bytes / 2));
}
