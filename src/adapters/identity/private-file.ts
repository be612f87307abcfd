import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { HomieError } from "../../resources/errors.ts";

/**
 * Text of a file with secrets, or undefined where there is none. Refuses one that others may read, as ssh does, and a link.
 * Throws HomieError StateUnusable; `hint` says what to do about a file that cannot be read.
 */
export function readPrivateFile(
  path: string,
  { maxBytes, hint }: { readonly maxBytes: number; readonly hint: string },
): string | undefined {
  let descriptor: number;
  try {
    // A pipe in its place would be waited for without O_NONBLOCK.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusableFile(path, "cannot be read", { hint, cause });
  }
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) throw unusableFile(path, "is no file", { hint });
    if (facts.size > maxBytes) throw unusableFile(path, `is larger than ${maxBytes} bytes`, { hint });
    const mode = facts.mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw unusableFile(path, `may be read by others (mode ${mode.toString(8)})`, { hint: `chmod 600 ${path}` });
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

export function unusableFile(
  path: string,
  what: string,
  options: { readonly hint: string; readonly cause?: unknown },
): HomieError {
  return new HomieError("StateUnusable", `${path} ${what}`, options);
}
