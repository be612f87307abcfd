import { objectPath } from "./client.ts";
import type { Client } from "./client.ts";
import { findKind } from "./kinds.ts";
import type { ApiObject } from "./render/objects.ts";

export interface ChangedLimits {
  readonly limits: ApiObject;
  readonly action: "created" | "configured";
}

/** The Limits of this machine; without any, those that ask for nothing. */
export async function readLimits(client: Client): Promise<ApiObject> {
  return (await client.find(findKind("limits"), "default")) ?? blankLimits;
}

const blankLimits: ApiObject = {
  apiVersion: "homie.dev/v1",
  kind: "Limits",
  metadata: { name: "default" },
  spec: {},
};

/** Changes these fields of the spec and no others; null takes a field away. */
export async function changeLimits(
  client: Client,
  change: Readonly<Record<string, string | number | null>>,
): Promise<ChangedLimits> {
  const kind = findKind("limits");
  const existing = await client.find(kind, "default");
  if (existing === undefined) {
    const spec = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null));
    const limits = await client.call<ApiObject>({ method: "POST", path: kind.path, body: { ...blankLimits, spec } });
    return { limits, action: "created" };
  }
  const limits = await client.call<ApiObject>({
    method: "PATCH",
    path: objectPath(kind, "default"),
    contentType: "application/merge-patch+json",
    body: { spec: change },
  });
  return { limits, action: "configured" };
}
