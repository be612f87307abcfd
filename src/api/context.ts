import type { Context as HonoContext } from "hono";
import type { HttpBindings } from "@hono/node-server";
import type { Logger } from "../reconciler/types.ts";
import type { ApiPorts } from "./ports.ts";
import { createQuery } from "./query.ts";
import type { Query } from "./query.ts";
import { methodNotAllowed, renderStatus } from "./status-error.ts";
import type { StatusFailure } from "./status-error.ts";

export interface ApiOptions {
  /** homie's version, for `/version`. */
  readonly version: string;
  readonly log: Logger;
  /** Ends watches and followed logs cleanly, so that a stopping daemon does not cut its readers off. */
  readonly signal?: AbortSignal;
  /** The last lines of the daemon's own log, at most 1 MiB of them; undefined when nothing is written to one. */
  readonly readDaemonLog?: (lines: number) => Promise<string | undefined>;
  /** Default 60 s, as the Kubernetes API server has it. */
  readonly bookmarkEveryMs?: number;
  /** How far a watch may fall behind; default 4 MiB. */
  readonly maxWatchLagBytes?: number;
}
export interface ApiContext {
  readonly ports: ApiPorts;
  readonly options: ApiOptions;
}
export type Request = HonoContext;
export type Responder = (request: Request) => Response | Promise<Response>;

export function queryOf(request: Request): Query {
  return createQuery(new URL(request.req.url).searchParams);
}

/** Chooses by method; anything else is 405 with the methods that are possible. HEAD is answered as GET without body. */
export function byMethod(responders: Readonly<Record<string, Responder>>): Responder {
  return (request) => {
    const method = request.req.method;
    const responder = Object.hasOwn(responders, method) ? responders[method] : undefined;
    if (responder === undefined) throw methodNotAllowed(method, Object.keys(responders));
    return responder(request);
  };
}

export function json(body: unknown, code = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status: code,
    headers: { "content-type": "application/json", ...headers },
  });
}

export function failureResponse(failure: StatusFailure): Response {
  return json(renderStatus(failure), failure.code, failure.headers);
}

/** Headers of a body that grows while it is read. Naming the encoding makes the server send them at once. */
export function streamResponse(
  body: ReadableStream<Uint8Array>,
  contentType: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { headers: { "content-type": contentType, "transfer-encoding": "chunked", ...headers } });
}

/** Ends a response in a way its reader cannot take for the end: there is no other sign once the head is sent. */
export function cutConnection(request: Request): void {
  // Only there when the request came through a socket.
  const bindings = request.env as Partial<HttpBindings> | undefined;
  bindings?.outgoing?.destroy();
}
