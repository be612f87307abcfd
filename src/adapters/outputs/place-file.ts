import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, copyFile, link, lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { HomieError } from "../../resources/errors.ts";

export interface FileToPlace {
  readonly source: string;
  /** Exists; the file goes somewhere below it. */
  readonly directory: string;
  /** Relative, safe. */
  readonly path: string;
  readonly sha256: string;
  readonly executable: boolean;
  /** Unique to the attempt, so that what a killed run left is found and replaced by the next. */
  readonly tag: string;
}

/**
 * The directory a file goes into, made if need be; undefined when a link on the way leads out of the destination, or
 * when something that is no directory stands there.
 */
export async function prepareParent(directory: string, path: string): Promise<string | undefined> {
  const root = await realpath(directory);
  let parent = root;
  for (const component of path.split("/").slice(0, -1)) {
    const next = join(parent, component);
    await mkdir(next, { mode: 0o755 }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    });
    const real = await realpath(next).catch(() => undefined);
    if (real === undefined || !(real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)))
      return undefined;
    if (!(await lstat(real)).isDirectory()) return undefined;
    parent = real;
  }
  return parent;
}

/**
 * Copies, makes durable, checks the hash, then gives the copy its name. With `replace` an existing file gives way in one
 * step; without, an existing one wins and false is returned. The name is durable when the caller has synchronized `parent`.
 */
export async function placeFile(
  file: FileToPlace,
  parent: string,
  { replace }: { readonly replace: boolean },
): Promise<boolean> {
  const destination = join(parent, basename(file.path));
  const part = join(parent, `.homie-part-${file.tag}`);
  try {
    await rm(part, { force: true });
    await copyFile(file.source, part, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    await chmod(part, file.executable ? 0o755 : 0o644);
    await syncFile(part);
    if ((await sha256Of(part)) !== file.sha256) {
      throw new HomieError("OutputRejected", `the copy of ${file.path} differs from what was collected`, {
        hint: "a disk is failing, or something wrote to homie's runs directory",
      });
    }
    return await giveName(part, destination, replace);
  } finally {
    await rm(part, { force: true });
  }
}

async function giveName(part: string, destination: string, replace: boolean): Promise<boolean> {
  if (replace) {
    await rename(part, destination);
    return true;
  }
  try {
    // link(2) never overwrites, so a file that appeared since we looked is safe.
    await link(part, destination);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST") return false;
    // File systems without hard links (exFAT, some network shares).
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "EMLINK") throw error;
    if (
      await lstat(destination).then(
        () => true,
        () => false,
      )
    )
      return false;
    await rename(part, destination);
    return true;
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Undefined when there is no file; "" for what is no regular file, which no hash equals. */
export async function hashIfFile(path: string): Promise<string | undefined> {
  const facts = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (facts === undefined) return undefined;
  return facts.isFile() ? sha256Of(path) : "";
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  for await (const chunk of file.createReadStream({ highWaterMark: 256 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
