import type { StatusReport } from "../api/ports.ts";
import type { Member } from "./crew-members.ts";

export type PeerClock = NonNullable<StatusReport["clocks"]>[number];

/** Nothing homie does depends on clocks; from here on somebody who compares logs is misled. */
export const tolerableSkewMs = 60_000;

/** Of members with a link, by name. */
export function clocksOf(members: readonly Member[]): readonly PeerClock[] {
  return members
    .flatMap(({ name, clockAheadMs }) =>
      clockAheadMs === undefined ? [] : [{ peer: name, aheadMs: Math.round(clockAheadMs) }],
    )
    .toSorted((a, b) => (a.peer < b.peer ? -1 : 1));
}

/** A line for each clock that is far from this machine's. */
export function describeSkews(clocks: readonly PeerClock[]): readonly string[] {
  return clocks
    .filter(({ aheadMs }) => Math.abs(aheadMs) >= tolerableSkewMs)
    .map(({ peer, aheadMs }) => {
      const side = aheadMs > 0 ? "ahead of" : "behind";
      return `the clock of ${peer} differs by ${inWords(Math.abs(aheadMs))}: it is ${side} this machine's`;
    });
}

/** "1 min 5 s", "23 h 59 min", "400 d 3 h": two units. */
function inWords(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes} min ${seconds % 60} s`;
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
