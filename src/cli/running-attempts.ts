import type { StatusReport } from "../api/ports.ts";
import { listPath } from "./client.ts";
import type { ApiList, Client } from "./client.ts";
import { findKind } from "./kinds.ts";
import { viewAttempt } from "./render/attempts.ts";
import type { AttemptView } from "./render/attempts.ts";

export interface RunningAttempts {
  readonly items: readonly AttemptView[];
  /** To watch from. */
  readonly resourceVersion: string;
}

/** What this machine is called in its own tables. */
export async function askOwnName(client: Client): Promise<string> {
  return (await client.call<StatusReport>({ path: "/homie/v1/status" })).name;
}

/** Attempts that are not over: the machine's own, here and elsewhere, and those it hosts. By name. */
export async function listRunning(client: Client, own: string): Promise<RunningAttempts> {
  const path = listPath(findKind("attempts"), { fieldSelector: "status.phase!=Finished" });
  const list = await client.call<ApiList>({ path });
  const items = list.items.map((item) => viewAttempt(item, own)).toSorted(byJob);
  return { items, resourceVersion: list.metadata.resourceVersion };
}

function byJob(a: AttemptView, b: AttemptView): number {
  return a.job === b.job ? a.attempt - b.attempt : a.job < b.job ? -1 : 1;
}
