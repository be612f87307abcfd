import type { Problem } from "../resources/documents.ts";
import { HomieError } from "../resources/errors.ts";
import type { ErrorCode } from "../resources/errors.ts";
import { ApiError } from "./failure.ts";
import type { KindWords } from "./kinds.ts";
import type { ApiObject } from "./render/objects.ts";
import type { ApiRequest, ApiResponse, Transport } from "./transport.ts";

/** Requests to the API, with answers parsed and Status objects turned into errors. */
export interface Client {
  readonly mode: Transport["mode"];
  /** Throws ApiError for every answer that is not 2xx. */
  send(request: ApiRequest): Promise<ApiResponse>;
  /** As `send`, with a JSON body both ways. */
  call<T>(request: JsonRequest): Promise<T>;
  get(kind: KindWords, name: string): Promise<ApiObject>;
  /** Undefined when it does not exist. */
  find(kind: KindWords, name: string): Promise<ApiObject | undefined>;
  list(kind: KindWords, query?: ListQuery): Promise<ApiList>;
  close(): Promise<void>;
}
export interface JsonRequest {
  readonly method?: ApiRequest["method"];
  readonly path: string;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: unknown;
}
export interface ListQuery {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}
export interface ApiList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly ApiObject[];
}

export function createClient(transport: Transport, signal: AbortSignal): Client {
  const send = async (request: ApiRequest): Promise<ApiResponse> => {
    const response = await transport.send({ signal, ...request });
    if (response.code >= 200 && response.code < 300) return response;
    throw readStatus(response.code, await readText(response.body));
  };
  const call = async <T>(request: JsonRequest): Promise<T> => {
    const body = request.body === undefined ? {} : { body: JSON.stringify(request.body) };
    const headers = {
      accept: request.accept ?? "application/json",
      ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
    };
    const response = await send({ method: request.method ?? "GET", path: request.path, headers, ...body });
    return parseAnswer(await readText(response.body)) as T;
  };
  const get: Client["get"] = async (kind, name) => await call<ApiObject>({ path: objectPath(kind, name) });
  return {
    mode: transport.mode,
    send,
    call,
    get,
    find: async (kind, name) => await get(kind, name).catch(undefinedIfNotFound),
    list: async (kind, query = {}) => await call<ApiList>({ path: listPath(kind, query) }),
    close: async () => await transport.close(),
  };
}

export function objectPath(kind: KindWords, name: string): string {
  return `${kind.path}/${encodeURIComponent(name)}`;
}

export function listPath(kind: KindWords, query: Readonly<Record<string, string | undefined>> | ListQuery): string {
  const given = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "",
  );
  return given.length === 0 ? kind.path : `${kind.path}?${new URLSearchParams(given).toString()}`;
}

function undefinedIfNotFound(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 404) return undefined;
  throw error;
}

export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

/** Lines of a watch as they come in. */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  if (rest.trim() !== "") yield rest;
}

/** No use asking again: what holds the socket is no daemon, or of another time. A connection that breaks is not this. */
export class StrangeAnswer extends HomieError {
  constructor(cause?: unknown) {
    super("DaemonUnavailable", "the daemon's answer makes no sense", {
      hint: "its version may differ much from this one, or another program holds its socket: `homie down`, `homie up -d`",
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StrangeAnswer(error);
  }
}

const codesByReason: Readonly<Record<string, ErrorCode>> = {
  AlreadyExists: "AlreadyExists",
  BadRequest: "BadRequest",
  Conflict: "Conflict",
  Expired: "Expired",
  Forbidden: "Forbidden",
  Gone: "Expired",
  Invalid: "InvalidResource",
  MethodNotAllowed: "MethodNotAllowed",
  NotFound: "NotFound",
  RequestEntityTooLarge: "TooLarge",
  UnsupportedMediaType: "UnsupportedMediaType",
};

interface StatusBody {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly hint?: string;
    readonly errorCode?: ErrorCode;
    readonly causes?: readonly { readonly message: string; readonly field?: string }[];
    readonly problems?: readonly Problem[];
  };
}

/** Builds the error a Status speaks of; also for Status objects that come as ERROR events of a watch. */
export function readStatus(status: number, text: string): ApiError {
  let body: StatusBody = {};
  try {
    body = (JSON.parse(text) ?? {}) as StatusBody;
  } catch {
    body = { message: `the daemon answered ${status}: ${text.slice(0, 200)}` };
  }
  const { hint, errorCode, causes, problems } = body.details ?? {};
  const code = errorCode ?? codesByReason[body.reason ?? ""] ?? "InternalError";
  return new ApiError(code, body.message ?? `the daemon answered ${status}`, {
    status,
    ...(hint === undefined ? {} : { hint }),
    ...(causes === undefined ? {} : { causes }),
    ...(problems === undefined ? {} : { problems }),
  });
}
