import type { PeerPath, PeerSpec, PeerStatus } from "../../resources/peer.ts";
import type { Condition } from "../../resources/types.ts";
import { renderAge } from "./duration.ts";
import type { ApiObject } from "./objects.ts";
import { safeLine } from "./safe-text.ts";

const phases: Readonly<Record<string, string>> = {
  Online: "it answers and takes part",
  Suspect: "it was silent just now; others still see it or it may be back at once",
  Offline: "it does not answer",
  Untrusted: "nobody has vouched for it, so it is not spoken to",
  Revoked: "its admission was taken back",
};

const paths: Readonly<Record<string, string>> = {
  lan: "in the same network",
  direct: "at its own address",
  punched: "through both routers",
  relay: "through another peer",
};

/** How a peer stands, in sentences. */
export function renderPeerWords(peer: ApiObject, now: Date): string {
  const status = (peer.status ?? {}) as PeerStatus;
  const spec = (peer.spec ?? {}) as PeerSpec;
  const { phase, path, conditions = [], name = peer.metadata.name } = status;
  const called = name === peer.metadata.name ? "" : `, which calls itself ${name}`;
  const meaning = phase === undefined ? "nothing is known of it yet" : `${phase}: ${phases[phase] ?? "see below"}`;
  return [
    `peer/${peer.metadata.name}${called} is ${meaning}`,
    ...(spec.cordoned === true ? ["  it is cordoned: no new jobs go there"] : []),
    `  ${renderPath(path, now)}`,
    ...conditions.map((condition) => `  ${renderCondition(condition, now)}`),
  ]
    .map((line) => `${safeLine(line)}\n`)
    .join("");
}

interface Verdicts {
  readonly [status: string]: string;
}
const conditionWords: Readonly<Record<string, Verdicts>> = {
  Trusted: { True: "it is trusted", False: "it is not trusted", Unknown: "whether to trust it is not known yet" },
  Reachable: { True: "it can be reached", False: "it cannot be reached", Unknown: "there is no link to it" },
  Heartbeat: { True: "it is heard of", False: "it is silent", Unknown: "it was never heard of" },
  NameUnique: { False: "it shares its name with another machine" },
  Consistent: { False: "it contradicts itself" },
};

function renderCondition({ type, status, reason, message, lastTransitionTime }: Condition, now: Date): string {
  const words = conditionWords[type]?.[status] ?? `${type} is ${status}`;
  const since = lastTransitionTime === undefined ? "" : `for ${renderAge(lastTransitionTime, now)}`;
  const why = [reason, message, since].filter((one) => one !== undefined && one !== "").join(", ");
  return `${words}${why === "" ? "" : ` (${why})`}`;
}

function renderPath(path: PeerPath | undefined, now: Date): string {
  if (path === undefined || (path.kind === undefined && path.via === undefined)) return "no path leads to it now";
  const via = path.via === undefined ? "" : ` (${path.via})`;
  const how = path.kind === undefined ? "" : ` ${paths[path.kind] ?? path.kind}`;
  const trip = path.rttMs === undefined ? "" : `, ${renderMilliseconds(path.rttMs)} there and back`;
  const shake = path.lastHandshake === undefined ? "" : `, last handshake ${renderAge(path.lastHandshake, now)} ago`;
  return `it is reached${how}${via}${trip}${shake}`;
}

export function renderMilliseconds(milliseconds: number): string {
  return `${milliseconds < 10 ? Number(milliseconds.toFixed(1)) : Math.round(milliseconds)} ms`;
}
