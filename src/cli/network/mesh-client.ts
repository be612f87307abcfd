import type { MeshCreation, Revocation } from "../../api/ports.ts";
import type {
  Invite,
  InvitePreview,
  JoinPreview,
  JoinRequestReport,
  NetcheckReport,
  NetworkLogEntry,
  NetworkReport,
  PathExplanation,
} from "../../resources/network-report.ts";
import type { Client } from "../client.ts";
import { ApiError } from "../failure.ts";

const root = "/homie/v1/network";

/** The routes of the mesh, one function each. */
export interface MeshClient {
  create(request: MeshCreation): Promise<NetworkReport>;
  request(options: { readonly name?: string; readonly renew?: boolean }): Promise<JoinRequestReport>;
  preview(request: InviteRequest): Promise<InvitePreview>;
  invite(request: InviteRequest): Promise<Invite>;
  inspect(bundle: string): Promise<JoinPreview>;
  join(bundle: string): Promise<NetworkReport>;
  report(): Promise<NetworkReport>;
  log(): Promise<readonly NetworkLogEntry[]>;
  revoke(peer: string): Promise<Revocation>;
  leave(): Promise<void>;
  /** Undefined where no mesh is, or this peer is not in it. */
  explain(peer: string): Promise<PathExplanation | undefined>;
  netcheck(): Promise<NetcheckReport>;
}
export interface InviteRequest {
  readonly request: string;
  readonly name?: string;
}

export function createMeshClient(client: Client): MeshClient {
  const get = async <T>(path: string): Promise<T> => await client.call<T>({ path: `${root}/${path}` });
  const post = async <T>(path: string, body: unknown): Promise<T> =>
    await client.call<T>({ method: "POST", path: `${root}/${path}`, body });
  return {
    create: async (request) => await post("create", request),
    request: async (options) => await post("request", options),
    preview: async (request) => await post("preview", request),
    invite: async (request) => await post("invite", request),
    inspect: async (bundle) => await post("inspect", { bundle }),
    join: async (bundle) => await post("join", { bundle }),
    report: async () => await get("report"),
    log: async () => (await get<{ readonly items: readonly NetworkLogEntry[] }>("log")).items,
    revoke: async (peer) => await post("revoke", { peer }),
    leave: async () => void (await post("leave", {})),
    explain: async (peer) =>
      await get<PathExplanation>(`peers/${encodeURIComponent(peer)}/path`).catch(undefinedIfUnknown),
    netcheck: async () => await get("netcheck"),
  };
}

function undefinedIfUnknown(error: unknown): undefined {
  if (error instanceof ApiError && [404, 503].includes(error.status)) return undefined;
  throw error;
}
