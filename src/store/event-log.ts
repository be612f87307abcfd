import { randomUUID } from "node:crypto";
import type { Logger } from "../reconciler/types.ts";
import type { Key } from "../resources/types.ts";
import type { StoreDatabase } from "./database.ts";
import { createEventIndex, type EventContent } from "./event-index.ts";
import { timestampOf } from "./object-drafts.ts";
import type { EventLog, RecordedEvent } from "./types.ts";
import { guard } from "./watch-hub.ts";

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
  const index = createEventIndex();
  const subscribers = new Set<(event: RecordedEvent) => void>();
  for (const event of database.events.all()) index.put(event);
  return {
    record: (about, type, reason, message) => {
      const uid = options.uidOf(about);
      const subject = { kind: about.kind, name: about.name, ...(uid === undefined ? {} : { uid }) };
      const content: EventContent = { about: subject, type, reason, message };
      const version = options.nextVersion();
      const event = nextEvent(content, index.get(content), version, timestampOf(options.now()));
      const dropped = index.put(event);
      // An event is a note for people: it has to outlive a kill -9, not a power cut, so no fsync is spent on it.
      // Neither is it a reason to leave undone what it tells of: on a full disk it is kept in memory only.
      try {
        database.transaction(() => {
          database.events.put(event);
          for (const old of dropped) database.events.remove(old.name);
          database.version.save(Number(version));
        }, "relaxed");
      } catch (error) {
        options.log.warn("an event could not be saved", { reason, error: String(error) });
      }
      for (const onEvent of [...subscribers]) guard(options.log, () => onEvent(event));
    },
    list: (filter = {}) =>
      index
        .all()
        .filter(
          ({ about }) =>
            (filter.kind === undefined || about.kind === filter.kind) &&
            (filter.name === undefined || about.name === filter.name),
        ),
    subscribe: (onEvent) => {
      subscribers.add(onEvent);
      return { [Symbol.dispose]: () => void subscribers.delete(onEvent) };
    },
  };
}

function nextEvent(
  content: EventContent,
  before: RecordedEvent | undefined,
  version: string,
  now: string,
): RecordedEvent {
  if (before !== undefined) return { ...before, resourceVersion: version, count: before.count + 1, lastTimestamp: now };
  return {
    name: `${content.about.name}.${BigInt(version).toString(16)}`,
    uid: randomUUID(),
    resourceVersion: version,
    ...content,
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
  };
}
