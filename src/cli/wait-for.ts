import { HomieError } from "../resources/errors.ts";
import type { ApiList, Client } from "./client.ts";
import { listPath } from "./client.ts";
import type { KindWords } from "./kinds.ts";
import { evaluatePath, renderValue } from "./render/jsonpath.ts";
import type { PathStep } from "./render/jsonpath-parse.ts";
import type { ApiObject } from "./render/objects.ts";
import { safeLine } from "./render/safe-text.ts";
import type { Terminal } from "./terminal.ts";
import { repeatRounds, watchOnce } from "./watch.ts";

/** What `--for=` can ask. */
export type Wanted =
  | { readonly type: "condition"; readonly name: string; readonly value: string }
  | { readonly type: "phase"; readonly phase: string }
  | { readonly type: "jsonpath"; readonly steps: readonly PathStep[]; readonly value?: string }
  | { readonly type: "delete"; readonly uid?: string };

export interface WaitRequest {
  readonly kind: KindWords;
  readonly name: string;
  readonly wanted: Wanted;
  /** Milliseconds since the epoch. */
  readonly deadline: number | undefined;
  /** Called with each state that is seen, the one that ends the waiting included. */
  readonly onSight?: (object: ApiObject) => void;
}
export interface Verdict {
  /** `over`: the object has come to its end another way, so what was asked for can never come. */
  readonly outcome: "met" | "over";
  /** The last that was seen; absent when it is deleted. */
  readonly object?: ApiObject;
}

/** Judges one sight of an object; undefined means: wait on. Pure. */
export function judge(wanted: Wanted, object: ApiObject | undefined): Verdict | undefined {
  if (wanted.type === "delete") {
    const isSame = object !== undefined && (wanted.uid === undefined || object.metadata.uid === wanted.uid);
    return isSame ? undefined : { outcome: "met" };
  }
  if (object === undefined || isStale(object)) return undefined;
  if (isMet(wanted, object)) return { outcome: "met", object };
  const isFinal = readCondition(object, "Finished") === "True" && wanted.type !== "jsonpath";
  return isFinal ? { outcome: "over", object } : undefined;
}

/** A status that speaks of an earlier spec says nothing about this one. */
function isStale(object: ApiObject): boolean {
  const observed = object.status?.["observedGeneration"];
  return typeof observed === "number" && observed < (object.metadata.generation ?? 0);
}

function isMet(wanted: Exclude<Wanted, { type: "delete" }>, object: ApiObject): boolean {
  switch (wanted.type) {
    case "condition":
      return readCondition(object, wanted.name)?.toLowerCase() === wanted.value.toLowerCase();
    case "phase":
      return renderValue(object.status?.["phase"]).toLowerCase() === wanted.phase.toLowerCase();
    case "jsonpath": {
      const found = evaluatePath(wanted.steps, object).map(renderValue);
      return wanted.value === undefined
        ? found.some((text) => text !== "")
        : found.length > 0 && found.every((text) => text === wanted.value);
    }
  }
}

function readCondition(object: ApiObject, type: string): string | undefined {
  const conditions = (object.status?.["conditions"] ?? []) as readonly { type: string; status: string }[];
  return conditions.find((condition) => condition.type.toLowerCase() === type.toLowerCase())?.status;
}

/** Throws HomieError Timeout at the deadline, NotFound when the object is not there or goes away. */
export async function waitForCondition(terminal: Terminal, client: Client, request: WaitRequest): Promise<Verdict> {
  const leftMs = request.deadline === undefined ? undefined : Math.max(0, request.deadline - terminal.now().getTime());
  const expiry = new AbortController();
  const timer = leftMs === undefined ? undefined : setTimeout(() => expiry.abort(), Math.min(leftMs, 2 ** 31 - 1));
  const signal = AbortSignal.any([terminal.interrupt, expiry.signal]);
  let last: ApiObject | undefined;
  const see = (object: ApiObject | undefined): void => {
    last = object;
    if (object !== undefined) request.onSight?.(object);
  };
  try {
    return await repeatRounds(terminal, signal, async () => await watchRound(client, request, signal, see));
  } catch (error) {
    if (!expiry.signal.aborted || terminal.interrupt.aborted) throw error;
    throw new HomieError(
      "Timeout",
      `timed out waiting for ${request.kind.kind.toLowerCase()}/${request.name}`,
      describeLast(last),
    );
  } finally {
    clearTimeout(timer);
  }
}

async function watchRound(
  client: Client,
  request: WaitRequest,
  signal: AbortSignal,
  onSight: (object: ApiObject | undefined) => void,
): Promise<Verdict | undefined> {
  const { kind, name, wanted } = request;
  const fieldSelector = `metadata.name=${name}`;
  const list = await client.call<ApiList>({ path: listPath(kind, { fieldSelector }) });
  const found = list.items.find((item) => item.metadata.name === name);
  onSight(found);
  if (found === undefined && wanted.type !== "delete") await client.get(kind, name); // the API's own words for "not found"
  const verdict = judge(wanted, found);
  if (verdict !== undefined) return verdict;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    for await (const event of watchOnce(
      client,
      { kind, query: { fieldSelector } },
      list.metadata.resourceVersion,
      either,
    )) {
      const object = event.object as ApiObject;
      if (event.type === "BOOKMARK" || object.metadata.name !== name) continue;
      const seen = event.type === "DELETED" ? undefined : object;
      onSight(seen);
      const later = judge(wanted, seen);
      if (later !== undefined) return later;
      if (seen === undefined)
        throw new HomieError("NotFound", `${kind.kind.toLowerCase()}/${name} was deleted meanwhile`);
    }
    return undefined;
  } finally {
    stop.abort();
  }
}

function describeLast(object: ApiObject | undefined): { hint?: string } {
  const phase = object?.status?.["phase"];
  const message = object?.status?.["message"];
  if (typeof phase !== "string") return {};
  return { hint: `it is ${phase}${typeof message === "string" && message !== "" ? `: ${message}` : ""}` };
}

export function describeVerdict(reference: string, verdict: Verdict): string {
  const status = verdict.object?.status ?? {};
  const phase = typeof status["phase"] === "string" ? ` ${status["phase"].toLowerCase()}` : " condition met";
  const isPlain = status["phase"] === "Succeeded" || typeof status["message"] !== "string" || status["message"] === "";
  return safeLine(`${reference}${phase}${isPlain ? "" : `: ${String(status["message"])}`}`);
}
