import { join } from "node:path";
import { kindEntry } from "../resources/kinds.ts";
import type { DeclaredKey } from "./desired-diff.ts";

/**
 * Where homie itself puts a new document: `limits.yaml`, `network.yaml`, `jobs/NAME.yaml`. When that file exists already
 * (it holds something else, or somebody named it so) the next free `NAME-2.yaml`, `NAME-3.yaml` ... is taken.
 */
export function choosePath(desired: string, key: DeclaredKey, isTaken: (path: string) => boolean): string {
  for (let round = 1; ; round += 1) {
    const suffix = round === 1 ? "" : `-${round}`;
    const path = join(desired, `${stemOf(key)}${suffix}.yaml`);
    if (!isTaken(path)) return path;
  }
}

function stemOf(key: DeclaredKey): string {
  if (key.kind === "Limits") return "limits";
  if (key.kind === "Network") return "network";
  return join(kindEntry(key.kind).plural, key.name);
}
