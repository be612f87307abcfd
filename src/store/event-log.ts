import type { Logger } from "../reconciler/types.ts";
import type { Key } from "../resources/types.ts";
import type { StoreDatabase } from "./database.ts";
import { idOf, timestampOf } from "./object-drafts.ts";
import { guard } from "./object-table.ts";
import type { EventLog, RecordedEvent } from "./types.ts";

const perObject = 100;
const inAll = 10_000;

export interface EventLogOptions {
  readonly database: StoreDatabase;
  readonly now: () => Date;
  readonly log: Logger;
  readonly nextVersion: () => string;
  readonly uidOf: (about: Key) => string | undefined;
}

/** Events merged by (object, type, reason, message); the least recently repeated ones are dropped first. */
export function createEventLog(options: EventLogOptions): EventLog {
  const { database } = options;
  // Insertion order is recency: a repeated event moves to the end.
  const byMergeKey = new Map<string, RecordedEvent>();
  const byObject = new Map<string, Set<string>>();
  const subscribers = new Set<(event: RecordedEvent) => void>();

  function remember(mergeKey: string, event: RecordedEvent): void {
    const object = aboutId(event.about);
    const ofObject = byObject.get(object) ?? new Set();
    byObject.set(object, ofObject);
    byMergeKey.delete(mergeKey);
    byMergeKey.set(mergeKey, event);
    ofObject.delete(mergeKey);
    ofObject.add(mergeKey);
  }
  function forget(mergeKey: string): RecordedEvent | undefined {
    const event = byMergeKey.get(mergeKey);
    if (event === undefined) return undefined;
    byMergeKey.delete(mergeKey);
    const object = aboutId(event.about);
    const ofObject = byObject.get(object);
    ofObject?.delete(mergeKey);
    if (ofObject?.size === 0) byObject.delete(object);
    return event;
  }
  function dropSurplus(object: string): readonly RecordedEvent[] {
    const dropped: (RecordedEvent | undefined)[] = [];
    const ofObject = byObject.get(object);
    while (ofObject !== undefined && ofObject.size > perObject) dropped.push(forget(firstOf(ofObject)));
    while (byMergeKey.size > inAll) dropped.push(forget(firstOf(byMergeKey.keys())));
    return dropped.filter((event) => event !== undefined);
  }

  for (const event of database.events.all()) remember(mergeKeyOf(event), event);

  return {
    record: (about, type, reason, message) => {
      const now = timestampOf(options.now());
      const uid = options.uidOf(about);
      const subject = { kind: about.kind, name: about.name, ...(uid === undefined ? {} : { uid }) };
      const mergeKey = mergeKeyOf({ about: subject, type, reason, message });
      const version = options.nextVersion();
      const before = byMergeKey.get(mergeKey);
      const event: RecordedEvent =
        before === undefined
          ? firstEvent({ about: subject, type, reason, message }, version, now)
          : { ...before, resourceVersion: version, count: before.count + 1, lastTimestamp: now };
      remember(mergeKey, event);
      const dropped = dropSurplus(idOf(about));
      // An event is a note for people: it has to outlive a kill -9, not a power cut, so no fsync is spent on it.
      database.transaction(() => {
        database.events.put(event);
        for (const old of dropped) database.events.remove(old.name);
        database.version.save(Number(version));
      }, "relaxed");
      for (const onEvent of [...subscribers]) guard(options.log, () => onEvent(event));
    },
    list: (filter = {}) =>
      [...byMergeKey.values()].filter(
        ({ about }) =>
          (filter.kind === undefined || about.kind === filter.kind) && (filter.name === undefined || about.name === filter.name),
      ),
    subscribe: (onEvent) => {
      subscribers.add(onEvent);
      return { [Symbol.dispose]: () => void subscribers.delete(onEvent) };
    },
  };
}

type Content = Pick<RecordedEvent, "about" | "type" | "reason" | "message">;

function firstEvent(content: Content, version: string, now: string): RecordedEvent {
  return {
    name: `${content.about.name}.${BigInt(version).toString(16)}`,
    uid: globalThis.crypto.randomUUID(),
    resourceVersion: version,
    ...content,
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
  };
}

function mergeKeyOf({ about, type, reason, message }: Content): string {
  return JSON.stringify([about.kind, about.name, about.uid ?? "", type, reason, message]);
}

function aboutId(about: { readonly kind: string; readonly name: string }): string {
  return `${about.kind}/${about.name}`;
}

function firstOf(keys: Iterable<string>): string {
  for (const key of keys) return key;
  return "";
}
