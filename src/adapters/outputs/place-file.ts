import { createHash } from "node:crypto";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { copyFile, link, lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { HomieError } from "../../resources/errors.ts";

const pieceBytes = 256 * 1024;

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
  const part = partOf(file, parent);
  let isNamed = false;
  try {
    await copyAnew(file.source, part);
    if ((await settleAndHash(part, file.executable ? 0o755 : 0o644)) !== file.sha256) {
      throw new HomieError("OutputRejected", `the copy of ${file.path} differs from what was collected`, {
        hint: "a disk is failing, or something wrote to homie's runs directory",
      });
    }
    isNamed = await giveName(part, destination, replace);
  } finally {
    // A link leaves the first name behind.
    if (!isNamed || !replace) await rm(part, { force: true });
  }
  return isNamed;
}

/** A run that was killed may have left its copy, beside the name it had given it or not. */
export async function removePart(file: FileToPlace, parent: string): Promise<void> {
  await rm(partOf(file, parent), { force: true });
}

function partOf({ tag }: FileToPlace, parent: string): string {
  return join(parent, `.homie-part-${tag}`);
}

/** What a killed run left gives way. */
async function copyAnew(source: string, part: string): Promise<void> {
  const how = constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL;
  try {
    await copyFile(source, part, how);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    await rm(part, { force: true });
    await copyFile(source, part, how);
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

/** Gives a file its mode, makes it durable, and reads it back. */
async function settleAndHash(path: string, mode: number): Promise<string> {
  const file = await open(path, "r+");
  try {
    await file.chmod(mode);
    await file.sync();
    return await hashOf(file);
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
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await hashOf(file);
  } finally {
    await file.close();
  }
}

/** No stream: making one costs more than most files. */
async function hashOf(file: FileHandle): Promise<string> {
  const hash = createHash("sha256");
  const { size } = await file.stat();
  const buffer = Buffer.allocUnsafeSlow(Math.min(Math.max(size, 1), pieceBytes));
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}
