import type { Draft } from "./draft.ts";
import { maxRelays } from "./message.ts";
import { isPromising } from "./options.ts";
import type { Pair, Route } from "./state.ts";
import { isDown } from "./watch.ts";

/** A straight way that may well work gets this long before packets go round by a third. */
const patienceMs = 3_000;
/** A relay must be nearer by so much, for so long, before another is taken. */
const nearer = { share: 0.9, ms: 3, forMs: 10_000 } as const;
const contactMs = 15_000;
/** Round trips tremble: they are told in steps, and not too often. */
const rttStep = 1.2;
const rttEveryMs = 10_000;
const unknownRttMs = 200;

/** Which members this machine reaches straight that pass packets on. */
export function refreshRelays(draft: Draft): void {
  const reached = [...draft.pairs.values()]
    .filter(({ member, alive, route }) => member.facts?.relays === true && alive && route === "straight")
    .map(({ node, member }) => [node, roundRtt(member.rttMs ?? unknownRttMs)] as const)
    .toSorted((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, maxRelays);
  const names = (relays: Draft["relays"]): string => JSON.stringify(relays.map(([node]) => node).toSorted());
  const isSame = names(reached) === names(draft.relays);
  if (isSame && draft.nowMs - draft.relaysMs < rttEveryMs) return;
  if (JSON.stringify(reached) === JSON.stringify(draft.relays)) return;
  draft.relays = reached;
  draft.relaysMs = draft.nowMs;
}

function roundRtt(rttMs: number): number {
  const steps = Math.round(Math.log(Math.max(1, rttMs)) / Math.log(rttStep));
  return Math.round(rttStep ** steps);
}

/** Of each pair one decides; it follows its own decision when the other has. */
export function decideRoutes(draft: Draft): void {
  if (!draft.hasLooked) return;
  for (const pair of draft.pairs.values()) {
    if (!pair.isLeader) continue;
    const wanted = wantedRoute(draft, pair);
    if (wanted !== pair.offer) {
      pair.offer = wanted;
      pair.offered += 1;
    }
    if (pair.decided < pair.offered && pair.said !== undefined && pair.said.done >= pair.offered)
      carryOut(draft, pair, { number: pair.offered, route: pair.offer });
  }
}

function carryOut(
  { nowMs }: Draft,
  pair: Pair,
  { number, route }: { readonly number: number; readonly route: Route },
): void {
  if (route !== pair.route) pair.routeMs = nowMs;
  pair.route = route;
  pair.decided = number;
}

/** What the leader of this pair has decided. */
export function followLeader(draft: Draft, pair: Pair): void {
  const decision = pair.said?.decision;
  if (pair.isLeader || decision === undefined || decision.number === pair.decided) return;
  const { route } = decision;
  if (route !== "straight" && (route === pair.node || !draft.pairs.has(route))) return;
  carryOut(draft, pair, decision);
}

function wantedRoute(draft: Draft, pair: Pair): Route {
  const { nowMs } = draft;
  if (pair.alive && pair.said?.alive !== false) return "straight";
  const current = pair.offer;
  const isPatient = nowMs - pair.routeMs < patienceMs && isPromising(pair, draft);
  if (current === "straight" && (isPatient || !(pair.alive || isDown(pair, nowMs)))) return current;
  const costs = relayCosts(draft, pair);
  const best = [...costs].toSorted((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))[0];
  if (best === undefined) return current;
  return betterOf(pair, { best, cost: costs.get(current), nowMs });
}

interface Choice {
  readonly best: readonly [node: string, cost: number];
  /** Of what is used now; undefined: it is of no use. */
  readonly cost: number | undefined;
  readonly nowMs: number;
}

function betterOf(pair: Pair, { best: [node, best], cost, nowMs }: Choice): Route {
  if (cost === undefined) return node;
  if (best >= cost * nearer.share || best >= cost - nearer.ms) {
    pair.better = undefined;
    return pair.offer;
  }
  if (pair.better?.node !== node) pair.better = { node, sinceMs: nowMs };
  if (nowMs - pair.better.sinceMs < nearer.forMs) return pair.offer;
  pair.better = undefined;
  return node;
}

/** Round trips through everybody whom both reach. */
function relayCosts({ relays, nowMs }: Draft, { node, said, talk, member }: Pair): ReadonlyMap<string, number> {
  if (said === undefined || (!member.linked && nowMs - talk.heardMs >= contactMs)) return new Map();
  const theirs = new Map(said.relays);
  return new Map(
    relays.flatMap(([relay, rttMs]) => {
      const onward = theirs.get(relay);
      return onward === undefined || relay === node ? [] : [[relay, rttMs + onward] as const];
    }),
  );
}
