import type { Logger } from "../reconciler/types.ts";
import type { Key, Kind } from "../resources/types.ts";
import { keyOf } from "./object-drafts.ts";
import type { WatchEvent } from "./types.ts";
import { createWatchRing } from "./watch-ring.ts";

const ringCapacity = 4000;

/** Everybody who wants to hear of changes, and the newest changes for those who were away. */
export interface WatchHub {
  /** Each event's object carries its own version, ascending. Callbacks that write again are heard after these. */
  publish(events: readonly WatchEvent[]): void;
  subscribe(kind: Kind, since: string | undefined, onEvent: (event: WatchEvent) => void): Disposable | "expired";
  watch(kind: Kind, onChange: (key: Key) => void): Disposable;
  /** Wakes key watches although the object is the same. */
  wake(key: Key): void;
}

interface Subscriber {
  readonly kind: Kind;
  readonly onEvent: (event: WatchEvent) => void;
}

export function createWatchHub(options: { readonly log: Logger; readonly newestVersion: () => number }): WatchHub {
  const { log, newestVersion } = options;
  const ring = createWatchRing(ringCapacity, newestVersion());
  const subscribers = new Set<Subscriber>();
  const wakes = new Set<{ readonly kind: Kind; readonly onChange: (key: Key) => void }>();

  const wake = (key: Key): void => {
    for (const watch of [...wakes]) if (watch.kind === key.kind) guard(log, () => watch.onChange(key));
  };
  const deliver = createDispatcher((event) => {
    for (const subscriber of [...subscribers]) {
      if (subscriber.kind === event.object.kind) guard(log, () => subscriber.onEvent(event));
    }
    wake(keyOf(event.object));
  });

  return {
    publish: (events) => {
      for (const event of events) ring.add({ version: versionOf(event), kind: event.object.kind, event });
      deliver(events);
    },
    subscribe: (kind, since, onEvent) => {
      const from = since === undefined ? newestVersion() : parseVersion(since);
      if (from === undefined || from > newestVersion()) return "expired";
      const missed = ring.since(kind, from);
      if (missed === undefined) return "expired";
      const subscriber = { kind, onEvent: onlyNewer(from, onEvent) };
      for (const { event } of missed) guard(log, () => subscriber.onEvent(event));
      subscribers.add(subscriber);
      return { [Symbol.dispose]: () => void subscribers.delete(subscriber) };
    },
    watch: (kind, onChange) => {
      const entry = { kind, onChange };
      wakes.add(entry);
      return { [Symbol.dispose]: () => void wakes.delete(entry) };
    },
    wake,
  };
}

/** A change may be in the ring and still wait in the dispatcher; it is heard once. */
function onlyNewer(from: number, onEvent: (event: WatchEvent) => void): (event: WatchEvent) => void {
  let seen = from;
  return (event) => {
    if (versionOf(event) <= seen) return;
    seen = versionOf(event);
    onEvent(event);
  };
}

/** Delivers in order even when a callback writes to the store again. */
function createDispatcher(deliver: (event: WatchEvent) => void): (events: readonly WatchEvent[]) => void {
  const waiting: WatchEvent[] = [];
  let draining = false;
  return (events) => {
    for (const event of events) waiting.push(event);
    if (draining) return;
    draining = true;
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) deliver(next);
    } finally {
      draining = false;
    }
  };
}

/** Runs a callback of somebody else; what it throws is logged and never breaks the write it hears of. */
export function guard(log: Logger, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    log.error("a watch callback failed", {
      error: String(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }
}

function versionOf(event: WatchEvent): number {
  return Number(event.object.metadata.resourceVersion);
}

function parseVersion(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}
