import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** rm -rf that also gets rid of directories a program made unwritable for its own user. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "EACCES" && code !== "EPERM" && code !== "ENOTEMPTY") throw error;
    await makeWritable(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What somebody else removes meanwhile is gone, which is what is wanted. */
async function makeWritable(directory: string): Promise<void> {
  try {
    if (!(await lstat(directory)).isDirectory()) return;
    await chmod(directory, 0o700);
    for (const child of await readdir(directory, { withFileTypes: true })) {
      if (child.isDirectory()) await makeWritable(join(directory, child.name));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
