import type { RecordedEvent } from "./types.ts";

const perObject = 100;
const inAll = 10_000;

export type EventContent = Pick<RecordedEvent, "about" | "type" | "reason" | "message">;

/** Events by what they say, least recently repeated first. */
export interface EventIndex {
  get(content: EventContent): RecordedEvent | undefined;
  /** Answers the events that had to go: 100 are kept of one object, 10,000 in all. */
  put(event: RecordedEvent): readonly RecordedEvent[];
  all(): readonly RecordedEvent[];
}

export function createEventIndex(): EventIndex {
  // Insertion order is recency: a repeated event moves to the end.
  const byMergeKey = new Map<string, RecordedEvent>();
  const byObject = new Map<string, Set<string>>();

  function remember(mergeKey: string, event: RecordedEvent): Set<string> {
    const object = aboutId(event);
    const ofObject = byObject.get(object) ?? new Set();
    byObject.set(object, ofObject);
    byMergeKey.delete(mergeKey);
    byMergeKey.set(mergeKey, event);
    ofObject.delete(mergeKey);
    return ofObject.add(mergeKey);
  }
  function forgetFirst(mergeKeys: Iterable<string>): readonly RecordedEvent[] {
    const mergeKey = firstOf(mergeKeys);
    const event = byMergeKey.get(mergeKey);
    if (event === undefined) return [];
    byMergeKey.delete(mergeKey);
    const ofObject = byObject.get(aboutId(event));
    ofObject?.delete(mergeKey);
    if (ofObject?.size === 0) byObject.delete(aboutId(event));
    return [event];
  }

  return {
    get: (content) => byMergeKey.get(mergeKeyOf(content)),
    put: (event) => {
      const ofObject = remember(mergeKeyOf(event), event);
      const dropped: RecordedEvent[] = [];
      while (ofObject.size > perObject) dropped.push(...forgetFirst(ofObject));
      while (byMergeKey.size > inAll) dropped.push(...forgetFirst(byMergeKey.keys()));
      return dropped;
    },
    all: () => [...byMergeKey.values()],
  };
}

function mergeKeyOf({ about, type, reason, message }: EventContent): string {
  return JSON.stringify([about.kind, about.name, about.uid ?? "", type, reason, message]);
}

function aboutId({ about }: RecordedEvent): string {
  return `${about.kind}/${about.name}`;
}

/** Not by destructuring an array: that would copy ten thousand keys. */
function firstOf(keys: Iterable<string>): string {
  for (const key of keys) return key;
  return "";
}
