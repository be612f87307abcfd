import { isAbsolute } from "node:path";
import type { Job } from "../resources/job.ts";
import type { ApplyRequest } from "../store/declared.ts";
import type { HistoryFilter } from "../store/types.ts";
import type { ApiContext } from "./context.ts";
import { queryOf } from "./context.ts";
import type { Collection } from "./collections.ts";
import { json } from "./http.ts";
import type { Responder } from "./http.ts";
import { isFinishedJob } from "./log-walk.ts";
import { onlyFields, readJson, readOptionalJson, requireRecord } from "./read-body.ts";
import { nameOf, requireObject } from "./read.ts";
import type { Query } from "./query.ts";
import { badRequest, conflict, renderSuccess } from "./status-error.ts";

/** POST jobs/NAME/cancel. */
export function cancelResponder(jobs: Collection, api: ApiContext): Responder {
  return async (request) => {
    const body = await readOptionalJson(request);
    onlyFields(body, ["message"]);
    const { message } = body;
    if (message !== undefined && typeof message !== "string") throw badRequest('"message" is not text');
    const job = requireObject(jobs, nameOf(request)) as Job;
    if (isFinishedJob(job)) {
      throw conflict(
        jobs,
        job.metadata.name,
        `it has finished already (${job.status?.phase}); there is nothing to cancel`,
      );
    }
    api.ports.store.requestCancel(job.metadata.name, message?.slice(0, 1000) ?? "cancelled on request");
    return json(requireObject(jobs, job.metadata.name));
  };
}

/** POST /homie/v1/apply. */
export function applyResponder(api: ApiContext): Responder {
  return async (request) => json(await api.ports.declared.apply(parseApply(requireRecord(await readJson(request)))));
}

export function statusResponder(api: ApiContext): Responder {
  return async () => json(await api.ports.report());
}

export function problemsResponder(api: ApiContext): Responder {
  return () => json({ items: api.ports.store.problems() });
}

export function rescanResponder(api: ApiContext): Responder {
  return async (request) => {
    onlyFields(await readOptionalJson(request), []);
    await api.ports.rescan();
    return json({ problems: api.ports.store.problems().length, resourceVersion: api.ports.store.currentVersion() });
  };
}

export function historyResponder(api: ApiContext): Responder {
  return (request) => json({ items: api.ports.store.history.list(parseHistoryFilter(queryOf(request))) });
}

function parseHistoryFilter(query: Query): HistoryFilter {
  const [peers, since, limit] = [query.text("peer"), query.text("since"), query.count("limit")];
  const role = oneOf(query, "role", ["mooch", "plug", "self"]);
  const outcome = oneOf(query, "outcome", ["succeeded", "failed"]);
  return {
    ...(peers === undefined ? {} : { peers: peers.split(",") }),
    ...(role === undefined ? {} : { role }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(since === undefined ? {} : { since: parseMoment(since) }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function oneOf<T extends string>(query: Query, name: string, words: readonly T[]): T | undefined {
  const value = query.text(name);
  if (value === undefined) return undefined;
  const word = words.find((one) => one === value);
  if (word === undefined) throw badRequest(`the query parameter "${name}" can be ${words.join(", ")}`);
  return word;
}

/** RFC 3339 with a time zone; without one it would mean another moment on another machine. */
function parseMoment(text: string): Date {
  const isRfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const moment = new Date(isRfc3339 ? text : Number.NaN);
  if (Number.isNaN(moment.getTime()))
    throw badRequest('the query parameter "since" is no moment as in RFC 3339: 2026-01-31T12:00:00Z');
  return moment;
}

export function clearHistoryResponder(api: ApiContext): Responder {
  return () => {
    api.ports.store.history.clear();
    return json(renderSuccess({ kind: "history" }));
  };
}

function parseApply(body: Readonly<Record<string, unknown>>): ApplyRequest {
  onlyFields(body, ["file", "text", "baseDirectory", "dryRun", "forceConflicts"]);
  const { file, text, baseDirectory, dryRun, forceConflicts } = body;
  if (typeof file !== "string" || file === "")
    throw badRequest('"file" is missing: the name of the text in messages, such as "stdin"');
  if (typeof text !== "string") throw badRequest('"text" is missing: the YAML to apply');
  if (typeof baseDirectory !== "string" || !isAbsolute(baseDirectory))
    throw badRequest('"baseDirectory" is not an absolute path');
  return {
    file,
    text,
    baseDirectory,
    dryRun: flag(dryRun, "dryRun"),
    forceConflicts: flag(forceConflicts, "forceConflicts"),
  };
}

function flag(value: unknown, name: string): boolean {
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw badRequest(`"${name}" is neither true nor false`);
}
