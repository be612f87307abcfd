import type { Kind } from "../resources/types.ts";
import type { KindEntry } from "../resources/kinds.ts";
import type { ApiPorts } from "./ports.ts";
import type { Subject } from "./status-error.ts";

/** What every object of the API has; specs are opaque here. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}
export interface ApiEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: ApiObject;
}

/** One kind as the API reads it: list, get and watch work on this and know nothing of where objects come from. */
export interface Collection extends Subject {
  readonly kind: string;
  readonly listKind: string;
  readonly apiVersion: string;
  get(name: string): ApiObject | undefined;
  /** One consistent list, by name, and the version it is true at. */
  snapshot(): { readonly items: readonly ApiObject[]; readonly resourceVersion: string };
  currentVersion(): string;
  /** As ObjectStore.subscribe: replays what came after `since` before it returns. */
  subscribe(since: string | undefined, onEvent: (event: ApiEvent) => void): Disposable | "expired";
}

/** Watches tell of what is stored; list and get add `live` figures, which are newer but are no change. */
export function resourceCollection(entry: KindEntry, { store, live }: Pick<ApiPorts, "store" | "live">): Collection {
  const kind: Kind = entry.kind;
  return {
    plural: entry.plural,
    group: "homie.dev",
    kind,
    listKind: entry.listKind,
    apiVersion: "homie.dev/v1",
    get: (name) => {
      const object = store.get({ kind, name });
      return object === undefined ? undefined : live(object);
    },
    snapshot: () => {
      const { items, resourceVersion } = store.snapshot(kind);
      return { items: items.map(live).toSorted(byName), resourceVersion };
    },
    currentVersion: () => store.currentVersion(),
    subscribe: (since, onEvent) => store.subscribe(kind, since, onEvent),
  };
}

export function byName(a: ApiObject, b: ApiObject): number {
  return a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0;
}
