import { isKnocking } from "./attempts.ts";
import type { Draft } from "./draft.ts";
import { isOpenTowards } from "./facts.ts";
import { isInOwnNetwork } from "./options.ts";
import type { OwnSight, Pair } from "./state.ts";
import type { Tunnel } from "./types.ts";

const knockSeconds = 5;
/** Routers forget a UDP flow after 30 s. */
const staySeconds = 25;

/** What WireGuard is to be configured with. */
export function refreshTunnels(draft: Draft): void {
  const carries = new Map<string, string[]>();
  for (const { node, route } of draft.pairs.values()) {
    const carrier = route === "straight" ? node : route;
    carries.set(carrier, [...(carries.get(carrier) ?? []), node]);
  }
  const tunnels = [...draft.pairs.values()]
    .map((pair) => tunnelOf(draft, pair, carries.get(pair.node)?.toSorted() ?? []))
    .toSorted((a, b) => (a.node < b.node ? -1 : 1));
  if (JSON.stringify(tunnels) !== JSON.stringify(draft.tunnels)) draft.tunnels = tunnels;
}

function tunnelOf(draft: Draft, pair: Pair, carries: readonly string[]): Tunnel {
  const { node, endpoint } = pair;
  const keepaliveSeconds = keepaliveOf(draft, pair);
  return {
    ...{ node, carries },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keepaliveSeconds === undefined ? {} : { keepaliveSeconds }),
  };
}

function keepaliveOf(draft: Draft, pair: Pair): number | undefined {
  const { alive, route, endpoint } = pair;
  if (isKnocking(pair, draft.nowMs)) return knockSeconds;
  // It works, and waits for both sides to use it.
  if (route !== "straight") return alive ? knockSeconds : undefined;
  return endpoint === undefined || isOpen(endpoint, draft.own) ? undefined : staySeconds;
}

function isOpen(endpoint: string, own: OwnSight): boolean {
  return isInOwnNetwork(endpoint, own) || isOpenTowards(endpoint, own);
}
