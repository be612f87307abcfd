import { isAbsolute } from "node:path";
import type { AttemptSources } from "../resources/attempt.ts";
import type { ApiContext } from "./context.ts";
import { json } from "./http.ts";
import type { Responder } from "./http.ts";
import { isRecord, readJson, requireRecord } from "./read-body.ts";
import { badRequest } from "./status-error.ts";

/** As many as a Job may name, and its script. */
const maxFiles = 257;
const maxPatterns = 256;
const maxText = 4096;

/** POST /homie/v1/surveys: what would travel with a Job, without sending anything. */
export function surveyResponder(api: ApiContext): Responder {
  return async (request) => {
    const body = requireRecord(await readJson(request));
    return json(await api.ports.survey(parseSources(body["sources"]), request.signal));
  };
}

function parseSources(value: unknown): AttemptSources {
  if (!isRecord(value)) throw badRequest('"sources" is missing: {projectPath?, exclude?, files?}');
  const { projectPath, exclude = [], files = [] } = value;
  const given = projectPath === undefined ? {} : { projectPath: absolutePath(projectPath, "sources.projectPath") };
  return {
    ...given,
    exclude: listOf(exclude, "sources.exclude", maxPatterns).map((one) => textOf(one, "sources.exclude")),
    files: listOf(files, "sources.files", maxFiles).map(parseFile),
  };
}

function parseFile(value: unknown): { readonly from: string; readonly to: string } {
  if (!isRecord(value)) throw badRequest('each of "sources.files" is {from, to}');
  const to = textOf(value["to"], "sources.files.to");
  // A name that leaves the work directory is refused where the files are listed, as for a Job.
  return { from: absolutePath(value["from"], "sources.files.from"), to };
}

function listOf(value: unknown, name: string, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= most) return value;
  throw badRequest(`"${name}" is not a list of at most ${most}`);
}

function textOf(value: unknown, name: string): string {
  if (typeof value === "string" && value !== "" && value.length <= maxText) return value;
  throw badRequest(`"${name}" is not text of at most ${maxText} characters`);
}

function absolutePath(value: unknown, name: string): string {
  const path = textOf(value, name);
  if (isAbsolute(path) && !path.includes("\0")) return path;
  throw badRequest(`"${name}" is not an absolute path`);
}
