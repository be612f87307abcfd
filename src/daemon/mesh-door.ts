import type { MeshCreation, MeshOperations, Revocation } from "../api/ports.ts";
import type { NetworkPorts } from "../controllers/network/ports.ts";
import type {
  Invite,
  InvitePreview,
  JoinPreview,
  JoinRequestReport,
  NetcheckReport,
  NetworkLogEntry,
  NetworkReport,
  PathExplanation,
} from "../resources/network-report.ts";
import type { Mesh } from "./mesh/mesh.ts";

/** The mesh of this machine, whose code is loaded when it is first asked for something: a machine in no network pays nothing. */
export class MeshDoor implements MeshOperations {
  readonly #load: () => Promise<Mesh>;
  #opening: Promise<Mesh> | undefined;
  #mesh: Mesh | undefined;

  constructor(load: () => Promise<Mesh>) {
    this.#load = load;
  }

  /** Undefined as long as nobody asked for it. */
  get mesh(): Mesh | undefined {
    return this.#mesh;
  }

  /** Throws HomieError StateUnusable for damaged files. */
  open(): Promise<Mesh> {
    this.#opening ??= this.#load().then((mesh) => (this.#mesh = mesh));
    return this.#opening;
  }

  /** For the Network controller. */
  get ports(): NetworkPorts {
    const inside = async (): Promise<NetworkPorts> => (await this.open()).ports;
    return {
      sight: () => this.#mesh?.ports.sight(),
      tunnel: {
        apply: async (config) => (await inside()).tunnel.apply(config),
        observe: async () => (await inside()).tunnel.observe(),
        remove: async () => (await inside()).tunnel.remove(),
        converged: async (config) => (await inside()).tunnel.converged(config),
      },
      relay: {
        apply: async (wanted) => (await inside()).relay.apply(wanted),
        remove: async () => (await inside()).relay.remove(),
      },
    };
  }

  async create(creation: MeshCreation): Promise<NetworkReport> {
    return (await this.open()).create(creation);
  }

  async request(options: Parameters<MeshOperations["request"]>[0]): Promise<JoinRequestReport> {
    return (await this.open()).request(options);
  }

  async preview(request: Parameters<MeshOperations["preview"]>[0]): Promise<InvitePreview> {
    return (await this.open()).preview(request);
  }

  async invite(request: Parameters<MeshOperations["invite"]>[0]): Promise<Invite> {
    return (await this.open()).invite(request);
  }

  async inspect(request: Parameters<MeshOperations["inspect"]>[0]): Promise<JoinPreview> {
    return (await this.open()).inspect(request);
  }

  async join(request: Parameters<MeshOperations["join"]>[0]): Promise<NetworkReport> {
    return (await this.open()).join(request);
  }

  async report(): Promise<NetworkReport> {
    return (await this.open()).report();
  }

  async log(): Promise<readonly NetworkLogEntry[]> {
    return (await this.open()).log();
  }

  async revoke(request: Parameters<MeshOperations["revoke"]>[0]): Promise<Revocation> {
    return (await this.open()).revoke(request);
  }

  async leave(): Promise<void> {
    await (await this.open()).leave();
  }

  async explain(peer: string): Promise<PathExplanation> {
    return (await this.open()).explain(peer);
  }

  async netcheck(): Promise<NetcheckReport> {
    return (await this.open()).netcheck();
  }

  /** The interface goes; what this machine is in its network stays. */
  async takeDown(): Promise<void> {
    await this.#mesh?.takeDown();
  }

  async close(): Promise<void> {
    await this.#mesh?.close();
  }
}
