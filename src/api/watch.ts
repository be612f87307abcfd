import type { ApiContext } from "./context.ts";
import { queryOf } from "./context.ts";
import type { ApiEvent, ApiObject, Collection } from "./collections.ts";
import { streamed } from "./http.ts";
import type { Request, Responder } from "./http.ts";
import { createOutbox } from "./outbox.ts";
import type { Outbox } from "./outbox.ts";
import { parseResourceVersion } from "./query.ts";
import type { Query } from "./query.ts";
import { renderingOf } from "./read.ts";
import { parseSelection } from "./selection.ts";
import type { Selection } from "./selection.ts";
import { renderStatus, StatusFailure } from "./status-error.ts";
import { renderObject, withoutColumns } from "./table.ts";
import type { Rendering } from "./table.ts";

interface WatchRequest {
  /** Undefined: begin with everything there is. */
  readonly since: string | undefined;
  /** What there is must be at least this new. */
  readonly notOlderThan: string | undefined;
  /** A bookmark marks the end of what there was (client-go's WatchList). */
  readonly marksInitialEnd: boolean;
  readonly wantsBookmarks: boolean;
  readonly timeoutMs: number;
  readonly selection: Selection;
  readonly rendering: Rendering;
}

/** GET with `?watch=true`: one JSON document a line until the timeout, the client or the daemon ends it. */
export function watchResponder(collection: Collection, api: ApiContext): Responder {
  const encodeShared = createSharedEncoder(api);
  return (request) => {
    const watch = parseWatch(request, collection);
    const closing: (() => void)[] = [];
    const outbox = createOutbox({
      maxLagBytes: api.options.maxWatchLagBytes ?? 4 * 1024 * 1024,
      overflowMarker: () => errorLine(expired("the reader fell too far behind; list again and watch from there")),
      onClose: () => {
        for (const close of closing) close();
      },
      cut: () => request.cut(),
      cutAfterMs: 5_000,
    });
    const feed = createFeed({ collection, watch, outbox, api, encodeShared });
    const subscription = feed.start();
    if (subscription === undefined) return streamed(outbox.stream, "application/json");
    closing.push(() => subscription[Symbol.dispose]());
    closing.push(...scheduleEnd(outbox, watch, [request.signal, api.options.signal]));
    if (watch.wantsBookmarks) {
      const timer = setInterval(() => outbox.push(feed.bookmark()), api.options.bookmarkEveryMs ?? 60_000).unref();
      closing.push(() => clearInterval(timer));
    }
    return streamed(outbox.stream, "application/json");
  };
}

function parseWatch(request: Request, collection: Collection): WatchRequest {
  const query = queryOf(request);
  const sendsInitial = query.flag("sendInitialEvents");
  const since = parseResourceVersion(query);
  return {
    since: sendsInitial ? undefined : since,
    notOlderThan: sendsInitial ? since : undefined,
    marksInitialEnd: sendsInitial,
    wantsBookmarks: query.flag("allowWatchBookmarks"),
    timeoutMs: timeoutMsOf(query),
    selection: parseSelection(query),
    rendering: renderingOf(request, collection),
  };
}

/** Unasked, a watch ends after 30 to 60 minutes; spread, so that clients do not all come back at once. */
function timeoutMsOf(query: Query): number {
  const seconds = query.count("timeoutSeconds") ?? 0;
  return Math.min(seconds > 0 ? seconds : 1800 + Math.random() * 1800, 86_400) * 1000;
}

function scheduleEnd(
  outbox: Outbox,
  watch: WatchRequest,
  signals: readonly (AbortSignal | undefined)[],
): readonly (() => void)[] {
  const timer = setTimeout(outbox.end, watch.timeoutMs);
  timer.unref();
  const undo = [(): void => clearTimeout(timer)];
  for (const signal of signals) {
    if (signal?.aborted) outbox.end();
    signal?.addEventListener("abort", outbox.end, { once: true });
    undo.push(() => signal?.removeEventListener("abort", outbox.end));
  }
  return undo;
}

/** Encodes an event of this very moment; the result is the same for every watch that asks for the same shape. */
type SharedEncoder = (event: ApiEvent, rendering: Rendering) => Uint8Array;

/**
 * Each event is serialised once per shape, however many watches there are; they hear of it one after the other, so the newest
 * is all that is kept. Only events that happen now pass through here: an old object replayed later would otherwise bring its
 * old age along.
 */
function createSharedEncoder(api: ApiContext): SharedEncoder {
  let newest: { readonly object: ApiObject; readonly shapes: Map<string, Uint8Array> } | undefined;
  return (event, rendering) => {
    if (newest?.object !== event.object) newest = { object: event.object, shapes: new Map() };
    const { shapes } = newest;
    const shape = `${event.type} ${rendering.form} ${rendering.includeObject}`;
    const known = shapes.get(shape) ?? eventLine(event, rendering, api.ports.now());
    shapes.set(shape, known);
    return known;
  };
}

interface FeedParts {
  readonly collection: Collection;
  readonly watch: WatchRequest;
  readonly outbox: Outbox;
  readonly api: ApiContext;
  readonly encodeShared: SharedEncoder;
}
interface Feed {
  /** Queues what there was, then follows; undefined when the version asked for is out of reach. */
  start(): Disposable | undefined;
  bookmark(): Uint8Array;
}

function createFeed({ collection, watch, outbox, api, encodeShared }: FeedParts): Feed {
  const { rendering, selection } = watch;
  const known = createKnownSet(selection);
  // A table's first event carries the column definitions, so it cannot be one of the shared ones.
  let isFirst = true;
  let isLive = false;

  function send(event: ApiEvent): void {
    if (isFirst && rendering.form === "table")
      outbox.pushLazily(() => firstTableLine(event, rendering, api.ports.now()));
    else if (isLive) outbox.push(encodeShared(event, rendering));
    else outbox.pushLazily(() => eventLine(event, rendering, api.ports.now()));
    isFirst = false;
  }
  function take(event: ApiEvent): void {
    const seen = known.take(event, isLive);
    if (seen !== undefined) send(seen);
  }
  function refuse(version: string | undefined): undefined {
    outbox.pushLazily(() => errorLine(expired(`the version ${version} is too old or not known here; list again`)));
    outbox.end();
  }
  const bookmark = (annotations?: object): Uint8Array =>
    bookmarkLine({ collection, rendering, resourceVersion: collection.currentVersion(), annotations });

  return {
    start() {
      if (BigInt(watch.notOlderThan ?? "0") > BigInt(collection.currentVersion())) return refuse(watch.notOlderThan);
      // Reading the list and subscribing happen in one turn of the event loop, so nothing can slip in between.
      const { items } = collection.snapshot();
      if (watch.since === undefined) for (const object of items) take({ type: "ADDED", object });
      else known.settle(items, watch.since);
      if (watch.marksInitialEnd) {
        const line = bookmark({ "k8s.io/initial-events-end": "true" });
        outbox.pushLazily(() => line);
      }
      const subscription = collection.subscribe(watch.since, take);
      isLive = true;
      return subscription === "expired" ? refuse(watch.since) : subscription;
    },
    bookmark,
  };
}

interface KnownSet {
  /** Learns which objects the reader has, when it listed at `since`: those that match and did not change since. */
  settle(items: readonly ApiObject[], since: string): void;
  /** The event as this reader has to see it; undefined when it is none of its business. */
  take(event: ApiEvent, isLive: boolean): ApiEvent | undefined;
}

/** An object that begins to match is ADDED to a reader, one that no longer does is DELETED. */
function createKnownSet(selection: Selection): KnownSet {
  const known = new Set<string>();
  const settled = new Set<string>();
  return {
    settle(items, since) {
      if (selection.isEverything) return;
      for (const object of items) {
        if (BigInt(object.metadata.resourceVersion) > BigInt(since)) continue;
        settled.add(object.metadata.name);
        if (selection.matches(object)) known.add(object.metadata.name);
      }
    },
    take(event, isLive) {
      if (selection.isEverything) return event;
      const { name } = event.object.metadata;
      const isUnsure = !isLive && event.type !== "ADDED" && !settled.has(name) && selection.canMatch(name);
      settled.add(name);
      const wasKnown = known.has(name);
      const matches = event.type !== "DELETED" && selection.matches(event.object);
      if (matches) {
        known.add(name);
        return { type: wasKnown || isUnsure ? "MODIFIED" : "ADDED", object: event.object };
      }
      known.delete(name);
      // Whether the reader had this object cannot be known any more: a needless DELETED is harmless, a missing one is not.
      return wasKnown || isUnsure ? { type: "DELETED", object: event.object } : undefined;
    },
  };
}

function eventLine(event: ApiEvent, rendering: Rendering, now: Date): Uint8Array {
  const object = renderObject(event.object, rendering, now);
  return line({ type: event.type, object: rendering.form === "table" ? withoutColumns(object) : object });
}

function firstTableLine(event: ApiEvent, rendering: Rendering, now: Date): Uint8Array {
  return line({ type: event.type, object: renderObject(event.object, rendering, now) });
}

interface BookmarkParts {
  readonly collection: Collection;
  readonly rendering: Rendering;
  readonly resourceVersion: string;
  readonly annotations: object | undefined;
}

function bookmarkLine({ collection, rendering, resourceVersion, annotations }: BookmarkParts): Uint8Array {
  const metadata = { resourceVersion, ...(annotations === undefined ? {} : { annotations }) };
  const types = {
    object: { kind: collection.kind, apiVersion: collection.apiVersion, metadata },
    partial: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata },
    table: { kind: "Table", apiVersion: "meta.k8s.io/v1", metadata, columnDefinitions: null, rows: [] },
  };
  return line({ type: "BOOKMARK", object: types[rendering.form] });
}

function expired(message: string): StatusFailure {
  return new StatusFailure(410, "Expired", message);
}

function errorLine(failure: StatusFailure): Uint8Array {
  return line({ type: "ERROR", object: renderStatus(failure) });
}

function line(value: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
