import type { Job } from "../resources/job.ts";
import type { Collection } from "./collections.ts";
import type { ApiContext } from "./context.ts";
import { json } from "./http.ts";
import type { Responder } from "./http.ts";
import { acceptManifest, takeApart } from "./manifest-body.ts";
import { readJson, requireRecord } from "./read-body.ts";
import { StatusFailure } from "./status-error.ts";

/** POST /homie/v1/placements: where a Job would go, and why; nothing is declared. */
export function placementResponder(jobs: Collection, api: ApiContext): Responder {
  return async (request) => {
    const sent = takeApart(requireRecord(await readJson(request)), jobs);
    const { manifest } = acceptManifest(sent, jobs, "Strict");
    const { placements } = api.ports;
    if (placements === undefined) throw noCrew();
    const metadata = {
      ...manifest.metadata,
      uid: sent.uid ?? "",
      generation: 1,
      resourceVersion: "",
      creationTimestamp: api.ports.now().toISOString(),
    };
    return json(await placements.preview({ ...manifest, metadata } as Job));
  };
}

function noCrew(): StatusFailure {
  const details = { errorCode: "DaemonUnavailable" as const, hint: "start one with `homie up -d`" };
  return new StatusFailure(503, "ServiceUnavailable", "only a running daemon knows which machines there are", {
    details,
  });
}
