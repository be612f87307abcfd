import { openStatement, type Cut } from "./statement.ts";

/** The cut for a Revoke, Leave or Rotate of `identity`: all of its Admits and Rotates known here, up to a number, stay good. */
export function planCut(
  network: string,
  identity: string,
  statements: readonly Uint8Array[],
  lastGoodSeq: number = Number.MAX_SAFE_INTEGER,
): Cut {
  const kept = new Map<string, number>();
  for (const bytes of statements) {
    const opened = openStatement(bytes);
    if (typeof opened === "string" || opened.issuer !== identity) continue;
    const { id, statement } = opened;
    if (statement.kind !== "Admit" && statement.kind !== "Rotate") continue;
    if (statement.network === network && statement.seq <= lastGoodSeq) kept.set(id, statement.seq);
  }
  return { lastGoodSeq: Math.max(0, ...kept.values()), keeps: [...kept.keys()].toSorted() };
}
