import { kinds } from "../resources/kinds.ts";
import type { ApiContext, ApiOptions } from "./context.ts";
import { byMethod, failureAnswer, queryOf } from "./context.ts";
import { resourceCollection } from "./collections.ts";
import type { Collection } from "./collections.ts";
import { daemonLogResponder } from "./daemon-log.ts";
import { discovery, versionResponder } from "./discovery.ts";
import { eventCollection } from "./events.ts";
import { refuseForeign } from "./guard.ts";
import * as homie from "./homie-routes.ts";
import { plainText } from "./http.ts";
import type { Answer, Api, Call, Request, Responder } from "./http.ts";
import { logResponder } from "./logs.ts";
import { networkResponders } from "./network-routes.ts";
import { openapiDocument, openapiIndex, openapiV2 } from "./openapi.ts";
import { placementResponder } from "./placements.ts";
import type { ApiPorts } from "./ports.ts";
import { getResponder, listResponder } from "./read.ts";
import { deleteCollectionResponder, deleteResponder } from "./removal.ts";
import { createRoutes } from "./routes.ts";
import type { Routes } from "./routes.ts";
import { StatusFailure, toFailure } from "./status-error.ts";
import { surveyResponder } from "./surveys.ts";
import { watchResponder } from "./watch.ts";
import { createResponder, patchResponder, replaceResponder } from "./writes.ts";

export type { ApiOptions } from "./context.ts";

/** The local API: behind a socket (serveApi), or called in this process by the CLI and by tests. */
export function createApi(ports: ApiPorts, options: ApiOptions): Api {
  const api: ApiContext = { ports, options };
  const routes = createRoutes(answerUnknownPath);
  mountGeneral(routes, api);
  for (const entry of kinds) mountKind(routes, resourceCollection(entry, ports), api, entry.declared);
  mountEvents(routes, eventCollection(ports.store), api);
  mountHomie(routes, api);
  return {
    async answer(call) {
      const { headers, ...answer } = await answerCall(call, routes, options);
      return { ...answer, headers: { ...headers, "cache-control": "no-store", "x-content-type-options": "nosniff" } };
    },
  };
}

/** HEAD is answered as GET; who carries the answer leaves its text out. */
async function answerCall(call: Call, routes: Routes, options: ApiOptions): Promise<Answer> {
  const isHead = call.method === "HEAD";
  const asked = isHead ? { ...call, method: "GET" } : call;
  try {
    refuseForeign(call.header("host"), call);
    const answer = await routes.answer(asked);
    if (!isHead || typeof answer.body === "string") return answer;
    await answer.body.return?.();
    return { ...answer, body: "" };
  } catch (error) {
    return failureAnswer(toFailure(error) ?? unexpected(error, call, options));
  }
}

function mountGeneral(routes: Routes, api: ApiContext): void {
  const ok: Responder = () => plainText("ok");
  const get = (path: string, responder: Responder): void => routes.add(path, byMethod({ GET: responder }));
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

function mountKind(routes: Routes, collection: Collection, api: ApiContext, isDeclared: boolean): void {
  const path = `/apis/homie.dev/v1/${collection.plural}`;
  const get = getResponder(collection, api);
  const manyWrites = { POST: createResponder(collection, api), DELETE: deleteCollectionResponder(collection, api) };
  const oneWrites = {
    PUT: replaceResponder(collection, api),
    PATCH: patchResponder(collection, api),
    DELETE: deleteResponder(collection, api),
  };
  routes.add(path, byMethod({ GET: listOrWatch(collection, api), ...(isDeclared ? manyWrites : {}) }));
  routes.add(`${path}/:name`, byMethod({ GET: get, ...(isDeclared ? oneWrites : {}) }));
  // Status is written by controllers only, so there is nothing here but reading.
  routes.add(`${path}/:name/status`, byMethod({ GET: get }));
  if (collection.kind !== "Job") return;
  routes.add(`${path}/:name/log`, byMethod({ GET: logResponder(collection, api) }));
  routes.add(`${path}/:name/cancel`, byMethod({ POST: homie.cancelResponder(collection, api) }));
  routes.add("/homie/v1/placements", byMethod({ POST: placementResponder(collection, api) }));
}

/** homie's objects have no namespace; whichever one a client puts into the path, it finds the same events. */
function mountEvents(routes: Routes, collection: Collection, api: ApiContext): void {
  for (const path of ["/api/v1/events", "/api/v1/namespaces/:namespace/events"]) {
    routes.add(path, byMethod({ GET: listOrWatch(collection, api) }));
    routes.add(`${path}/:name`, byMethod({ GET: getResponder(collection, api) }));
  }
}

function mountHomie(routes: Routes, api: ApiContext): void {
  routes.add("/homie/v1/status", byMethod({ GET: homie.statusResponder(api) }));
  routes.add("/homie/v1/problems", byMethod({ GET: homie.problemsResponder(api) }));
  routes.add("/homie/v1/apply", byMethod({ POST: homie.applyResponder(api) }));
  routes.add("/homie/v1/rescan", byMethod({ POST: homie.rescanResponder(api) }));
  routes.add(
    "/homie/v1/history",
    byMethod({ GET: homie.historyResponder(api), DELETE: homie.clearHistoryResponder(api) }),
  );
  routes.add("/homie/v1/logs", byMethod({ GET: daemonLogResponder(api) }));
  routes.add("/homie/v1/surveys", byMethod({ POST: surveyResponder(api) }));
  for (const [path, responders] of Object.entries(networkResponders(api))) {
    routes.add(`/homie/v1/network/${path}`, byMethod(responders));
  }
}

function listOrWatch(collection: Collection, api: ApiContext): Responder {
  const list = listResponder(collection, api);
  const watch = watchResponder(collection, api);
  return (request) => (queryOf(request).flag("watch") ? watch(request) : list(request));
}

/** Below an API clients expect a Status; elsewhere Kubernetes answers with plain words, and so do we. */
function answerUnknownPath({ path }: Request): Answer {
  if (!/^\/(apis|api\/v1|homie\/v1)\//.test(path)) return plainText("404 page not found\n", 404);
  const details = { hint: "docs/api.md lists every path" };
  return failureAnswer(
    new StatusFailure(404, "NotFound", "the server could not find the requested resource", { details }),
  );
}

/** Logged here and nowhere else; the client learns that it happened, not how the code looks inside. */
function unexpected(error: unknown, { method, target }: Call, options: ApiOptions): StatusFailure {
  options.log.error("a request failed in a way nobody expected", { method, path: target.split("?", 1)[0], error });
  const details = { hint: "the daemon's log says more (GET /homie/v1/logs)", errorCode: "InternalError" as const };
  return new StatusFailure(500, "InternalError", "the daemon met something nobody expected", { details });
}
