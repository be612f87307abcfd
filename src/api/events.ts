import type { ObjectStore, RecordedEvent } from "../store/types.ts";
import { byName } from "./collections.ts";
import type { ApiObject, Collection } from "./collections.ts";

/** core/v1 Event; typed clients decode it strictly, so every field has Kubernetes' own type. */
export interface CoreEvent extends ApiObject {
  readonly involvedObject: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid?: string;
  };
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly eventTime: null;
  readonly source: { readonly component: string };
  readonly reportingComponent: string;
  readonly reportingInstance: string;
}

/** Events in core/v1 have a namespace; homie's objects have none, so they all lie in this one. */
export const eventNamespace = "default";

export function renderEvent(event: RecordedEvent): CoreEvent {
  const { about } = event;
  const metadata = {
    name: event.name,
    namespace: eventNamespace,
    uid: event.uid,
    resourceVersion: event.resourceVersion,
    creationTimestamp: event.firstTimestamp,
  };
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata,
    involvedObject: {
      apiVersion: "homie.dev/v1",
      kind: about.kind,
      name: about.name,
      ...(about.uid === undefined ? {} : { uid: about.uid }),
    },
    type: event.type,
    reason: event.reason,
    message: event.message,
    count: event.count,
    firstTimestamp: event.firstTimestamp,
    lastTimestamp: event.lastTimestamp,
    eventTime: null,
    source: { component: "homie" },
    reportingComponent: "homie.dev/homie",
    reportingInstance: "",
  };
}

/** The event log as a collection. It keeps no deletions: an event that is dropped for its age just goes. */
export function eventCollection(store: ObjectStore): Collection {
  // Live events reach every watch; rendering each once also lets the watches share its serialised form.
  const rendered = new WeakMap<RecordedEvent, CoreEvent>();
  const render = (event: RecordedEvent): CoreEvent => {
    const known = rendered.get(event) ?? renderEvent(event);
    rendered.set(event, known);
    return known;
  };
  const typeOf = (event: RecordedEvent): "ADDED" | "MODIFIED" => (event.count > 1 ? "MODIFIED" : "ADDED");
  return {
    plural: "events",
    group: "",
    kind: "Event",
    listKind: "EventList",
    apiVersion: "v1",
    get: (name) =>
      store.events
        .list()
        .filter((event) => event.name === name)
        .map(render)[0],
    snapshot: () => ({
      items: store.events.list().map(render).toSorted(byName),
      resourceVersion: store.currentVersion(),
    }),
    currentVersion: () => store.currentVersion(),
    subscribe: (since, onEvent) => {
      if (since !== undefined) {
        if (BigInt(since) > BigInt(store.currentVersion())) return "expired";
        const missed = store.events.list().filter((event) => BigInt(event.resourceVersion) > BigInt(since));
        missed.sort((a, b) => (BigInt(a.resourceVersion) < BigInt(b.resourceVersion) ? -1 : 1));
        for (const event of missed) onEvent({ type: typeOf(event), object: render(event) });
      }
      return store.events.subscribe((event) => onEvent({ type: typeOf(event), object: render(event) }));
    },
  };
}
