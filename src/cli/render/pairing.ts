import type { JoinPreview } from "../../resources/network-report.ts";
import { safeLine } from "./safe-text.ts";
import { wrapAfter } from "./wrap.ts";

/** Six words, to be read out over a phone. */
export function renderWords(words: readonly string[]): string {
  return `    ${words.map(safeLine).join("  ")}\n`;
}

/** What an invite says, before it is taken. */
export function renderJoinPreview(preview: JoinPreview, maxWidth: number): string {
  const { networkName, cidr, peers, invitedBy, name, assignedIp, confirmation } = preview;
  const facts: readonly (readonly [string, string])[] = [
    ["Network", `${networkName} (${cidr})`],
    ["Invited by", invitedBy],
    // An invite names only some, to come to first.
    ["Members", `${peers.join(", ")}; there may be more`],
    ["You will be", `${name}, ${assignedIp}`],
  ];
  const lines = facts.map(([label, value]) => wrapAfter(`${`${label}:`.padEnd(12)} `, safeLine(value), maxWidth));
  return `\n${lines.join("")}\n${renderWords(confirmation)}\n`;
}
