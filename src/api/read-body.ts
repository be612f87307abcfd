import type { Request } from "./http.ts";
import { badRequest, StatusFailure, unsupportedMediaType } from "./status-error.ts";

/** Larger than any sensible manifest, small enough to parse without a pause. */
export const maxBodyBytes: number = 1024 * 1024;
const maxDepth = 64;

/** A body that must be there, as JSON of one of these media types. */
export async function readJson(request: Request, accepted: readonly string[] = ["application/json"]): Promise<unknown> {
  requireType(request, accepted);
  const text = await readText(request);
  if (text.trim() === "") throw badRequest("the body is empty; JSON is expected");
  return parseJson(text);
}

/** A JSON object that may be left out altogether. */
export async function readOptionalJson(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(request);
  if (text.trim() === "") return {};
  requireType(request, ["application/json"]);
  return requireRecord(parseJson(text));
}

export function mediaTypeOf(request: Request): string | undefined {
  return request.header("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function requireRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value;
  throw badRequest("the body is not a JSON object");
}

/** A field nobody reads is a mistake somebody would like to hear of. */
export function onlyFields(body: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  const unknown = Object.keys(body).find((field) => !known.includes(field));
  if (unknown !== undefined)
    throw badRequest(
      `unknown field "${unknown}"`,
      known.length === 0 ? "no body is needed" : `known fields: ${known.join(", ")}`,
    );
}

function requireType(request: Request, accepted: readonly string[]): void {
  const type = mediaTypeOf(request);
  if (type === undefined || !accepted.includes(type)) throw unsupportedMediaType(type, accepted);
}

/** Stops reading at the limit, whatever Content-Length says. */
async function readText(request: Request): Promise<string> {
  const declared = Number(request.header("content-length") ?? 0);
  if (declared > maxBodyBytes) throw tooLarge();
  const bytes = await readBytes(request);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw badRequest("the body is not UTF-8");
  }
}

async function readBytes({ body = empty() }: Request): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.byteLength;
      if (bytes > maxBodyBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    // Whoever sent it has gone, or was too slow: nobody reads this answer, and nothing is wrong here.
    throw badRequest(`the body broke off: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (bytes > maxBodyBytes) throw tooLarge();
  return Buffer.concat(chunks);
}

async function* empty(): AsyncGenerator<Uint8Array> {}

function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  refuseTraps(value, 0);
  return value;
}

/** A `__proto__` key turns copying a value into changing what all objects have; deep nesting exhausts the stack. */
function refuseTraps(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > maxDepth) throw badRequest(`the body is nested more than ${maxDepth} levels deep`);
  if (Object.hasOwn(value, "__proto__")) throw badRequest('the body has a field named "__proto__"');
  for (const part of Object.values(value)) refuseTraps(part, depth + 1);
}

function tooLarge(): StatusFailure {
  const headers = { connection: "close" };
  return new StatusFailure(413, "RequestEntityTooLarge", `the body is larger than ${maxBodyBytes} bytes`, { headers });
}
