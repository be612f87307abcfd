import type { NatKind, NetworkPeerReport, NetworkReport } from "../../resources/network-report.ts";
import { plain } from "./colours.ts";
import type { Paint } from "./colours.ts";
import { renderAge, renderBytes } from "./duration.ts";
import { renderMilliseconds } from "./peer-words.ts";
import { safeLine } from "./safe-text.ts";
import { renderTable } from "./table.ts";

export const networkHeaders: readonly string[] = ["Name", "Status", "Connection", "RTT", "Handshake", "Invited by"];

/** One line of `homie network status`; what is not known is "-". */
export function networkRow(peer: NetworkPeerReport, now: Date): readonly string[] {
  return [
    peer.name,
    peer.status,
    connectionWords(peer),
    peer.rttMs === undefined ? "-" : renderMilliseconds(peer.rttMs),
    peer.lastHandshake === undefined ? "-" : `${renderAge(peer.lastHandshake, now)} ago`,
    peer.invitedBy ?? "-",
  ];
}

export function connectionWords({ connection, via }: Pick<NetworkPeerReport, "connection" | "via">): string {
  return connection === "relay" && via !== undefined ? `relay via ${via}` : connection;
}

export interface NetworkLayout {
  readonly now: Date;
  readonly maxWidth?: number;
  readonly paint?: Paint;
}

/** The network, this machine in it, the others, what all have together, and what is wrong. */
export function renderNetwork(report: NetworkReport, { now, maxWidth = 0, paint = plain }: NetworkLayout): string {
  const rows = report.peers.map((peer) => networkRow(peer, now));
  const table =
    rows.length === 0
      ? "nobody else yet; `homie network invite` lets somebody in\n"
      : renderTable(networkHeaders, rows, { maxWidth, paint });
  return `${renderOwnPlace(report)}\n${table}\n${renderTotals(report)}${renderNetworkProblems(report, paint)}`;
}

const natWords: Readonly<Record<NatKind, string>> = {
  none: "no NAT",
  "endpoint-independent": "NAT that can be punched",
  symmetric: "symmetric NAT",
  "udp-blocked": "UDP blocked",
  unknown: "NAT not known yet",
};

export function renderNat(nat: NatKind): string {
  return natWords[nat];
}

function renderOwnPlace({ name, cidr, you }: NetworkReport): string {
  const { removed } = you;
  if (removed !== undefined) {
    return `${safeLine(name)} (${safeLine(cidr)})\nthis machine is no member any more (${renderRemoval(removed)}); \`homie network leave\` clears it\n`;
  }
  const facts = [
    you.invitedBy === undefined ? "founder" : `invited by ${you.invitedBy}`,
    renderNat(you.nat),
    ...(you.relays ? ["relays for others"] : []),
  ];
  return [
    `${safeLine(name)} (${safeLine(cidr)})`,
    `you are ${safeLine(you.name)}, ${safeLine(you.ip)}: ${safeLine(facts.join(", "))}`,
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function renderRemoval(removed: NonNullable<NetworkReport["you"]["removed"]>): string {
  if (removed.how === "NotAdmitted") return "nobody who counts has let its keys in";
  return removed.how === "Revoked" ? `revoked by ${safeLine(removed.by)}` : "its keys have left";
}

function renderTotals({ totals }: NetworkReport): string {
  const { peers, online, cpus, memory, gpus, jobsToday } = totals;
  const has = [count(cpus, "cpu"), `${renderBytes(memory)} memory`, count(gpus, "gpu")].join(", ");
  return `${count(peers, "machine")}, ${online} online: ${has}; ${count(jobsToday, "job")} today\n`;
}

function count(number: number, word: string): string {
  return `${Number(number.toFixed(1))} ${word}${number === 1 ? "" : "s"}`;
}

/** Empty when all is well. */
export function renderNetworkProblems({ you, peers }: NetworkReport, paint: Paint = plain): string {
  const own = you.interfaceProblem;
  const reasons = peers.flatMap((peer) =>
    peer.reason === undefined ? [] : [`${safeLine(peer.name)}: ${safeLine(peer.reason)}`],
  );
  const lines = [
    ...(own === undefined ? [] : [`${paint("yellow", "problem:")} ${safeLine(own.message)}`]),
    ...(own?.hint === undefined ? [] : [`hint: ${safeLine(own.hint)}`]),
    ...reasons,
    ...(reasons.length === 0 ? [] : ["`homie why peer/NAME` tells what was tried"]),
  ];
  return lines.length === 0 ? "" : `\n${lines.join("\n")}\n`;
}
