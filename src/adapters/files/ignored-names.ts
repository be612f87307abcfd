import { temporaryPrefix } from "./atomic-write.ts";

const manifestEnding = /\.(?:ya?ml|json)$/i;
/**
 * Leftovers of editors and tools that may end in .yaml all the same: emacs locks (.#x) and autosaves (#x#), vim's
 * writability probe 4913, backups (x~), swap files, and what merges and patches leave.
 */
const leftover = /^(?:4913|#.*#)$|~$|\.(?:sw[a-z]|tmp|temp|orig|rej|bak)$/i;

/** Dot-names cover `.git`, `.#x`, `.x.swp` and homie's own temporary files. */
export function isIgnoredName(name: string): boolean {
  return name.startsWith(".") || name.startsWith(temporaryPrefix) || leftover.test(name);
}

export function isManifestName(name: string): boolean {
  return !isIgnoredName(name) && manifestEnding.test(name);
}
