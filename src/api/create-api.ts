import { Hono } from "hono";
import { kinds } from "../resources/kinds.ts";
import type { ApiContext, ApiOptions, Request, Responder } from "./context.ts";
import { byMethod, failureResponse, queryOf } from "./context.ts";
import { resourceCollection } from "./collections.ts";
import type { Collection } from "./collections.ts";
import { daemonLogResponder } from "./daemon-log.ts";
import { discovery, versionResponder } from "./discovery.ts";
import { eventCollection } from "./events.ts";
import { refuseForeign } from "./guard.ts";
import * as homie from "./homie-routes.ts";
import { logResponder } from "./logs.ts";
import { networkResponders } from "./network-routes.ts";
import { openapiDocument, openapiIndex, openapiV2 } from "./openapi.ts";
import { placementResponder } from "./placements.ts";
import type { ApiPorts } from "./ports.ts";
import { getResponder, listResponder } from "./read.ts";
import { deleteCollectionResponder, deleteResponder } from "./removal.ts";
import { StatusFailure, toFailure } from "./status-error.ts";
import { surveyResponder } from "./surveys.ts";
import { watchResponder } from "./watch.ts";
import { createResponder, patchResponder, replaceResponder } from "./writes.ts";

export type { ApiOptions } from "./context.ts";

/** The local API as one fetch function: behind a socket (serveApi), or called in this process by the CLI and by tests. */
export function createApi(ports: ApiPorts, options: ApiOptions): Hono {
  const api: ApiContext = { ports, options };
  const app = new Hono();
  app.use(async (request, next) => {
    const { host } = new URL(request.req.url);
    const headers = request.req.raw.headers;
    refuseForeign(host, headers);
    if (headers.get("host") !== null) refuseForeign(headers.get("host") ?? undefined, headers);
    await next();
    request.header("cache-control", "no-store");
    request.header("x-content-type-options", "nosniff");
  });
  mountGeneral(app, api);
  for (const entry of kinds) mountKind(app, resourceCollection(entry, ports), api, entry.declared);
  mountEvents(app, eventCollection(ports.store), api);
  mountHomie(app, api);
  app.notFound(answerUnknownPath);
  app.onError((error, request) => failureResponse(toFailure(error) ?? unexpected(error, request, options)));
  return app;
}

function mountGeneral(app: Hono, api: ApiContext): void {
  const ok: Responder = () => new Response("ok", { headers: { "content-type": "text/plain; charset=utf-8" } });
  const get = (path: string, responder: Responder): unknown => app.all(path, byMethod({ GET: responder }));
  for (const path of ["/healthz", "/livez", "/readyz"]) get(path, ok);
  get("/version", versionResponder(api.options));
  get("/api", discovery.core);
  get("/api/v1", discovery.coreResources);
  get("/apis", discovery.groups);
  get("/apis/homie.dev", discovery.group);
  get("/apis/homie.dev/v1", discovery.homie);
  get("/openapi/v2", openapiV2);
  get("/openapi/v3", openapiIndex);
  get("/openapi/v3/apis/homie.dev/v1", openapiDocument);
}

function mountKind(app: Hono, collection: Collection, api: ApiContext, isDeclared: boolean): void {
  const path = `/apis/homie.dev/v1/${collection.plural}`;
  const get = getResponder(collection, api);
  const manyWrites = { POST: createResponder(collection, api), DELETE: deleteCollectionResponder(collection, api) };
  const oneWrites = {
    PUT: replaceResponder(collection, api),
    PATCH: patchResponder(collection, api),
    DELETE: deleteResponder(collection, api),
  };
  app.all(path, byMethod({ GET: listOrWatch(collection, api), ...(isDeclared ? manyWrites : {}) }));
  app.all(`${path}/:name`, byMethod({ GET: get, ...(isDeclared ? oneWrites : {}) }));
  // Status is written by controllers only, so there is nothing here but reading.
  app.all(`${path}/:name/status`, byMethod({ GET: get }));
  if (collection.kind !== "Job") return;
  app.all(`${path}/:name/log`, byMethod({ GET: logResponder(collection, api) }));
  app.all(`${path}/:name/cancel`, byMethod({ POST: homie.cancelResponder(collection, api) }));
  app.all("/homie/v1/placements", byMethod({ POST: placementResponder(collection, api) }));
}

/** homie's objects have no namespace; whichever one a client puts into the path, it finds the same events. */
function mountEvents(app: Hono, collection: Collection, api: ApiContext): void {
  for (const path of ["/api/v1/events", "/api/v1/namespaces/:namespace/events"]) {
    app.all(path, byMethod({ GET: listOrWatch(collection, api) }));
    app.all(`${path}/:name`, byMethod({ GET: getResponder(collection, api) }));
  }
}

function mountHomie(app: Hono, api: ApiContext): void {
  app.all("/homie/v1/status", byMethod({ GET: homie.statusResponder(api) }));
  app.all("/homie/v1/problems", byMethod({ GET: homie.problemsResponder(api) }));
  app.all("/homie/v1/apply", byMethod({ POST: homie.applyResponder(api) }));
  app.all("/homie/v1/rescan", byMethod({ POST: homie.rescanResponder(api) }));
  app.all(
    "/homie/v1/history",
    byMethod({ GET: homie.historyResponder(api), DELETE: homie.clearHistoryResponder(api) }),
  );
  app.all("/homie/v1/logs", byMethod({ GET: daemonLogResponder(api) }));
  app.all("/homie/v1/surveys", byMethod({ POST: surveyResponder(api) }));
  for (const [path, responders] of Object.entries(networkResponders(api))) {
    app.all(`/homie/v1/network/${path}`, byMethod(responders));
  }
}

function listOrWatch(collection: Collection, api: ApiContext): Responder {
  const list = listResponder(collection, api);
  const watch = watchResponder(collection, api);
  return (request) => (queryOf(request).flag("watch") ? watch(request) : list(request));
}

/** Below an API clients expect a Status; elsewhere Kubernetes answers with plain words, and so do we. */
function answerUnknownPath(request: Request): Response {
  if (!/^\/(apis|api\/v1|homie\/v1)\//.test(request.req.path)) {
    return new Response("404 page not found\n", {
      status: 404,
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  }
  const details = { hint: "docs/api.md lists every path" };
  return failureResponse(
    new StatusFailure(404, "NotFound", "the server could not find the requested resource", { details }),
  );
}

/** Logged here and nowhere else; the client learns that it happened, not how the code looks inside. */
function unexpected(error: unknown, request: Request, options: ApiOptions): StatusFailure {
  options.log.error("a request failed in a way nobody expected", {
    method: request.req.method,
    path: request.req.path,
    error,
  });
  const details = { hint: "the daemon's log says more (GET /homie/v1/logs)", errorCode: "InternalError" as const };
  return new StatusFailure(500, "InternalError", "the daemon met something nobody expected", { details });
}
