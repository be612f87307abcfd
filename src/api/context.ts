import type { Logger } from "../reconciler/types.ts";
import { json } from "./http.ts";
import type { Answer, Request, Responder } from "./http.ts";
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

export function queryOf(request: Request): Query {
  return createQuery(request.parameters);
}

/** Chooses by method; anything else is 405 with the methods that are possible. */
export function byMethod(responders: Readonly<Record<string, Responder>>): Responder {
  return (request) => {
    const { method } = request;
    const responder = Object.hasOwn(responders, method) ? responders[method] : undefined;
    if (responder === undefined) throw methodNotAllowed(method, Object.keys(responders));
    return responder(request);
  };
}

export function failureAnswer(failure: StatusFailure): Answer {
  return json(renderStatus(failure), failure.code, failure.headers);
}
