import type { NetcheckReport } from "../../resources/network-report.ts";
import { renderNat } from "./network.ts";
import { renderMilliseconds } from "./peer-words.ts";
import { safeLine } from "./safe-text.ts";
import { wrapAfter } from "./wrap.ts";

/** What stands between this machine and the others, and what to do about it. */
export function renderNetcheck(report: NetcheckReport, maxWidth: number = 0): string {
  const { nat, seen, localAddresses, udp, canRelay, canRelayProblem, relays, mtu, advice } = report;
  const places = seen.map(({ endpoint, by }) => `${endpoint} (says ${by})`);
  const helpers = relays.map(({ name, rttMs }) =>
    rttMs === undefined ? name : `${name} (${renderMilliseconds(rttMs)})`,
  );
  const facts: readonly (readonly [string, string])[] = [
    ["UDP", udp ? "gets through" : "is blocked: packets of the mesh get nowhere"],
    ["Router", `${renderNat(nat)}${natMeanings[nat]}`],
    ["Seen as", list(places, "nobody has said yet")],
    ["Addresses", list(localAddresses, "none")],
    ["Port mapping", renderMapping(report.portMapping)],
    ["Can relay", canRelay ? "yes" : `no${canRelayProblem === undefined ? "" : `: ${canRelayProblem}`}`],
    ["Relays", list(helpers, "no member relays now")],
    ["MTU", String(mtu)],
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 1;
  const told = facts.map(([name, value]) => wrapAfter(`${`${name}:`.padEnd(width)} `, safeLine(value), maxWidth));
  const steps = advice.map((step, index) => wrapAfter(`  ${index + 1}. `, safeLine(step), maxWidth)).join("");
  return told.join("") + (steps === "" ? "\nNothing to do.\n" : `\nWhat to do:\n${steps}`);
}

const natMeanings: Readonly<Record<NetcheckReport["nat"], string>> = {
  none: ": others reach this machine by itself",
  "endpoint-independent": ": others can be told where it is",
  symmetric: ": only members with a public address, or a relay, reach it",
  "udp-blocked": "",
  unknown: ": two members with public addresses are needed to tell",
};

function renderMapping({ protocol, endpoint, problem }: NetcheckReport["portMapping"]): string {
  if (endpoint === undefined) return problem ?? "none";
  return `${endpoint}${protocol === undefined ? "" : ` by ${protocol}`}`;
}

function list(items: readonly string[], none: string): string {
  return items.length === 0 ? none : items.join(", ");
}
