import type { JoinPreview } from "../../resources/network-report.ts";
import { safeLine } from "./safe-text.ts";

/** Six words, to be read out over a phone. */
export function renderWords(words: readonly string[]): string {
  return `    ${words.map(safeLine).join("  ")}\n`;
}

/** What an invite says, before it is taken. */
export function renderJoinPreview({
  networkName,
  cidr,
  peers,
  invitedBy,
  name,
  assignedIp,
  confirmation,
}: JoinPreview): string {
  const members = peers.length === 1 ? "1 member" : `${peers.length} members`;
  const facts: readonly (readonly [string, string])[] = [
    ["Network", `${networkName} (${cidr}), ${members}`],
    ["Invited by", invitedBy],
    ["You will be", `${name}, ${assignedIp}`],
  ];
  const lines = facts.map(([label, value]) => `${`${label}:`.padEnd(12)} ${safeLine(value)}\n`).join("");
  return `\n${lines}\n${renderWords(confirmation)}\n`;
}
