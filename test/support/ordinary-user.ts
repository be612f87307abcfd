import { chownSync } from "node:fs";

const nobody = 65_534;

/** Runs the work with the rights of an ordinary user who owns `paths`: permissions mean nothing to root. */
export async function asOrdinaryUser(paths: readonly string[], work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return work();
  for (const path of paths) chownSync(path, nobody, nobody);
  process.seteuid?.(nobody);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}
