import { canonicalJson } from "../../resources/canonical.ts";
import { HomieError, type ErrorCode } from "../../resources/errors.ts";
import type { Network } from "../../resources/network.ts";
import type { Key } from "../../resources/types.ts";
import type { Context, Controller } from "../../reconciler/types.ts";
import { chooseNetwork } from "./choose-network.ts";
import { cleanup, lookAgainMs, planNetwork, type Failure, type NetworkAction, type NetworkActual } from "./plan.ts";
import type { NetworkPorts, RelayOutcome, RelayWanted, TunnelConfig } from "./ports.ts";
import { isJoined, renderRelay, renderTunnel } from "./render-tunnel.ts";
import { summarizeNetwork } from "./summarize.ts";

/** Keeps the interface of the mesh as the crew knows it. One worker: all Network objects speak of one interface. */
export function createNetworkController(ports: NetworkPorts): Controller<Network, NetworkActual, NetworkAction> {
  const scene: Scene = { ports, cleared: false, rendered: false };
  return {
    kind: "Network",
    observe: (network, context) => observe(network, scene, context),
    plan: planNetwork,
    execute: (action, network, context) => execute(action, network, scene, context),
    summarize: summarizeNetwork,
  };
}

interface Scene {
  readonly ports: NetworkPorts;
  /** Nothing of an interface is left; false at the start, as an earlier daemon may have left one. */
  cleared: boolean;
  rendered: boolean;
  failure?: PastFailure | undefined;
  relay?: { readonly wanted: RelayWanted; readonly outcome: RelayOutcome; readonly atMs: number } | undefined;
  /** `times` in a row. */
  applied?: { readonly subject: string; readonly atMs: number; readonly times: number } | undefined;
}

interface PastFailure extends Omit<Failure, "waitMs"> {
  readonly generation: number;
  /** What was tried: another thing is worth an earlier try. */
  readonly subject: string;
  readonly atMs: number;
  readonly pauseMs: number;
}

/** Of one configuration, in a row. */
const mostRepairs = 3;
const longestPauseMs = 300_000;
/** Outcomes that are told and tried again, not faults of homie. */
const expected: readonly ErrorCode[] = ["MeshUnavailable", "ProcessFailed", "StateUnusable", "InvalidResource"];
/** The file is written before anything can fail with these. */
const afterTheFile: readonly ErrorCode[] = ["MeshUnavailable", "ProcessFailed"];

async function observe(network: Network, scene: Scene, context: Context): Promise<NetworkActual> {
  const sight = scene.ports.sight();
  const chosen = chooseNetwork(context.store.list<Network>("Network"), sight?.name);
  const isOwn = chosen === undefined || chosen.metadata.name === network.metadata.name;
  const wanted = isOwn ? wantedFor(network, sight) : undefined;
  const found = wanted === undefined ? nothing : await look(network, wanted.tunnel, scene, context);
  const nowMs = context.clock.monotonicMs();
  const failure = isOwn ? currentFailure(network, wanted?.tunnel, scene, nowMs) : undefined;
  const { relay } = scene;
  return {
    counts: isOwn ? true : { name: chosen.metadata.name },
    ...(sight === undefined ? {} : { sight }),
    ...(wanted === undefined ? {} : { wanted }),
    ...found,
    rendered: scene.rendered,
    cleared: scene.cleared,
    ...(failure === undefined ? {} : { failure }),
    ...(relay === undefined
      ? {}
      : { relay: { wanted: relay.wanted, outcome: relay.outcome, ageMs: nowMs - relay.atMs } }),
  };
}

const nothing = { converged: false, peers: 0 };

/** A file that names another mesh than this machine is in, as one that was pulled may, changes nothing. */
function wantedFor({ metadata, spec }: Network, sight: NetworkActual["sight"]): NetworkActual["wanted"] {
  if (metadata.deletionTimestamp !== undefined || sight === undefined || sight.name !== metadata.name) return undefined;
  return isJoined(sight) ? { tunnel: renderTunnel(spec, sight), relay: renderRelay(spec, sight) } : undefined;
}

/** While it waits for another try nobody looks either: that takes the same rights. */
async function look(
  network: Network,
  config: TunnelConfig,
  scene: Scene,
  { clock }: Context,
): Promise<Pick<NetworkActual, "converged" | "peers">> {
  const { tunnel } = scene.ports;
  const failure = currentFailure(network, config, scene, clock.monotonicMs());
  if (failure !== undefined && failure.waitMs > 0) return nothing;
  try {
    if (!(await tunnel.converged(config))) return noteFight(network, config, scene, clock.monotonicMs());
    scene.failure = undefined;
    scene.rendered = true;
    scene.cleared = false;
    const wanted = new Set(config.peers.map(({ publicKey }) => publicKey));
    const present = (await tunnel.observe())?.peers ?? [];
    return { converged: true, peers: present.filter(({ publicKey }) => wanted.has(publicKey)).length };
  } catch (error) {
    // Applying fails for the same reason, and tells it.
    if (isExpected(error)) return nothing;
    throw error;
  }
}

/**
 * What was applied and is already gone again is repaired, but not again and again: two programs would fight as fast as they
 * can.
 */
function noteFight({ metadata }: Network, config: TunnelConfig, scene: Scene, nowMs: number): typeof nothing {
  const { applied } = scene;
  const subject = canonicalJson(config);
  const isAgain = applied?.subject === subject && nowMs - applied.atMs < lookAgainMs;
  if (isAgain && applied.times >= mostRepairs) {
    scene.failure = {
      step: "Apply",
      code: "ProcessFailed",
      message: "the interface does not stay as homie has set it up: another program changes it",
      hint: "see who: ip monitor",
      ...{ generation: metadata.generation, subject, atMs: applied.atMs, pauseMs: lookAgainMs },
    };
  }
  return nothing;
}

function currentFailure(
  { metadata }: Network,
  config: TunnelConfig | undefined,
  { failure }: Scene,
  nowMs: number,
): Failure | undefined {
  if (failure?.step !== (config === undefined ? "Remove" : "Apply")) return undefined;
  const { step, code, message, hint, subject, atMs, pauseMs, generation } = failure;
  const pause = subject === subjectOf(config) ? pauseMs : lookAgainMs;
  const waitMs = generation === metadata.generation ? Math.max(0, atMs + pause - nowMs) : 0;
  return { step, code, message, ...(hint === undefined ? {} : { hint }), waitMs };
}

async function execute(action: NetworkAction, network: Network, scene: Scene, context: Context): Promise<void> {
  const { ports } = scene;
  const key: Key = { kind: "Network", name: network.metadata.name };
  switch (action.type) {
    case "Claim":
      return context.store.setFinalizers(key, [...(network.metadata.finalizers ?? []), cleanup]);
    case "Release": {
      const others = network.metadata.finalizers?.filter((each) => each !== cleanup);
      return context.store.setFinalizers(key, others ?? []);
    }
    case "Relay": {
      const outcome = await ports.relay.apply(action.wanted);
      scene.relay = { wanted: action.wanted, outcome, atMs: context.clock.monotonicMs() };
      return;
    }
    case "Apply":
      return orTell("Apply", action.config, { network, scene, context }, () =>
        apply(action.config, key, scene, context),
      );
    case "Remove":
      return orTell("Remove", undefined, { network, scene, context }, () => remove(scene));
  }
}

async function apply(config: TunnelConfig, key: Key, scene: Scene, context: Context): Promise<void> {
  scene.cleared = false;
  const { made, savedHandEdit } = await scene.ports.tunnel.apply(config);
  scene.rendered = true;
  const [subject, atMs] = [subjectOf(config), context.clock.monotonicMs()];
  const before = scene.applied;
  const isAgain = before?.subject === subject && atMs - before.atMs < lookAgainMs;
  scene.applied = { subject, atMs, times: isAgain ? before.times + 1 : 1 };
  // What the kernel keeps for each interface is that of the new one now.
  if (made) scene.relay = undefined;
  if (!savedHandEdit) return;
  const message =
    "the WireGuard configuration was edited by hand: the edit is kept beside it as .orig, and homie's is back";
  context.events.record(key, "Warning", "HandEditSaved", message);
}

async function remove(scene: Scene): Promise<void> {
  // As long as the interface is on record, whoever goes on after a crash knows that there may be rules too.
  await scene.ports.relay.remove();
  await scene.ports.tunnel.remove();
  scene.cleared = true;
  scene.rendered = false;
  scene.relay = scene.applied = undefined;
}

/** An outcome that is expected is remembered, for the status and for when to try again. */
async function orTell(
  step: Failure["step"],
  config: TunnelConfig | undefined,
  { network, scene, context }: { readonly network: Network; readonly scene: Scene; readonly context: Context },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
    scene.failure = undefined;
  } catch (error) {
    if (!isExpected(error)) throw error;
    const { code, message, hint } = error;
    const before = scene.failure;
    if (step === "Apply" && afterTheFile.includes(code)) scene.rendered = true;
    if (before?.message !== message) context.log.warn(`the mesh interface: ${message}`, { step, hint });
    const { name, generation } = network.metadata;
    context.events.record({ kind: "Network", name }, "Warning", `${step}Failed`, message);
    scene.failure = {
      ...{ step, code, message, ...(hint === undefined ? {} : { hint }) },
      ...{ generation, subject: subjectOf(config), atMs: context.clock.monotonicMs() },
      pauseMs: before?.step === step ? Math.min(longestPauseMs, before.pauseMs * 2) : lookAgainMs,
    };
  }
}

function subjectOf(config: TunnelConfig | undefined): string {
  return config === undefined ? "" : canonicalJson(config);
}

function isExpected(error: unknown): error is HomieError {
  return error instanceof HomieError && expected.includes(error.code);
}
