import { HomieError } from "../../resources/errors.ts";

const refusals = new Set(["EACCES", "EPERM", "EROFS", "EIO", "EFBIG", "EMFILE", "ENFILE"]);

/** What the disk refuses, as StateUnusable; every other error passes through as it is. */
export function translateDiskError(error: unknown, root: string): unknown {
  if (error instanceof HomieError || !(error instanceof Error) || !("code" in error)) return error;
  const isFull = error.code === "ENOSPC" || error.code === "EDQUOT";
  if (!isFull && !(typeof error.code === "string" && refusals.has(error.code))) return error;
  const what = isFull ? "no space is left" : error.message;
  return new HomieError("StateUnusable", `cannot keep the files of a job below ${root}: ${what}`, {
    hint: isFull ? "free some disk space" : "check the disk and the rights on the directory",
    cause: error,
  });
}
