import type { NetworkLogEntry } from "../../resources/network-report.ts";
import { plain } from "./colours.ts";
import type { Paint } from "./colours.ts";
import { safeLine } from "./safe-text.ts";
import { stringWidth } from "./string-width.ts";
import { wrapText } from "./wrap.ts";

const gap = "   ";

interface Member {
  readonly name: string;
  readonly ip: string;
  readonly words: string[];
  readonly invited: Member[];
  isOut: boolean;
}

/** Who invited whom, as a tree from the founder down; what happened to each in words. */
export function renderNetworkLog(
  entries: readonly NetworkLogEntry[],
  { maxWidth = 0, paint = plain }: { readonly maxWidth?: number; readonly paint?: Paint } = {},
): string {
  const founders = plantTree(entries);
  const lines = founders.flatMap((founder) => treeLines(founder, "", ""));
  const [names, ips] = [
    columnWidth(lines.map(({ label }) => label)),
    columnWidth(lines.map(({ member }) => member.ip)),
  ];
  const room = maxWidth <= 0 ? 0 : maxWidth - names - ips - 2 * gap.length;
  return lines
    .flatMap(({ label, below, member }) =>
      wrapText(member.words.map(safeLine).join(", "), room).map((words, index) => {
        const [name, ip] = index === 0 ? [label, member.ip] : [below, ""];
        const text = [pad(name, names), pad(ip, ips), words].join(gap);
        return `${member.isOut ? paint("dim", text) : text}\n`;
      }),
    )
    .join("");
}

function plantTree(entries: readonly NetworkLogEntry[]): readonly Member[] {
  const roots: Member[] = [];
  const byName = new Map<string, Member>();
  for (const entry of entries) {
    const isIn = entry.kind === "Genesis" || entry.kind === "Admit";
    const known = byName.get(entry.subject);
    if (!isIn && known !== undefined) note(known, entry);
    else {
      const member: Member = {
        name: entry.subject,
        ip: safeLine(entry.ip ?? "-"),
        words: [],
        invited: [],
        isOut: false,
      };
      note(member, entry);
      // What counts for nothing must not hide the entry that does.
      if (known === undefined || entry.void === undefined) byName.set(entry.subject, member);
      const inviter = entry.kind === "Admit" ? byName.get(entry.by) : undefined;
      (inviter === undefined || inviter === member ? roots : inviter.invited).push(member);
    }
  }
  return roots;
}

function note(member: Member, entry: NetworkLogEntry): void {
  const sentences: Readonly<Record<NetworkLogEntry["kind"], string>> = {
    Genesis: "founded the network",
    Admit: `invited by ${entry.by}`,
    Revoke: `revoked by ${entry.by}`,
    Rotate: "took new keys",
    Leave: "left",
  };
  const isVoid = entry.void !== undefined;
  member.words.push(`${sentences[entry.kind]}${isVoid ? ` (counts for nothing: ${entry.void})` : ""}`);
  if (entry.kind === "Admit" && isVoid) member.isOut = true;
  if ((entry.kind === "Revoke" || entry.kind === "Leave") && !isVoid) member.isOut = true;
}

interface TreeLine {
  readonly label: string;
  /** What stands in place of the label where its words go on in a further line. */
  readonly below: string;
  readonly member: Member;
}

function treeLines(member: Member, first: string, rest: string): readonly TreeLine[] {
  const invited = member.invited.flatMap((one, index) => {
    const isLast = index === member.invited.length - 1;
    return treeLines(one, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`);
  });
  const below = invited.length === 0 ? rest : `${rest}│`;
  return [{ label: first + safeLine(member.name), below, member }, ...invited];
}

function columnWidth(cells: readonly string[]): number {
  return cells.reduce((widest, cell) => Math.max(widest, stringWidth(cell)), 0);
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - stringWidth(text)));
}
