import type { Tunnel } from "../../paths/types.ts";

export interface MeshMemberSight {
  readonly node: string;
  readonly name: string;
  /** Absent: the network is full. */
  readonly ip?: string;
  /** What it was admitted with, where somebody nearer to the founder has that. */
  readonly wantedIp?: string;
  readonly ipv6: string;
  /** base64, as `wg` prints it. Absent: somebody nearer to the founder has the same key. */
  readonly wireguardKey?: string;
}

/** The mesh as this machine knows it at this moment. */
export interface MeshSight {
  /** Id of the Genesis, base64url. */
  readonly network: string;
  readonly name: string;
  readonly cidr: string;
  readonly own: MeshMemberSight | "removed";
  readonly others: readonly MeshMemberSight[];
  readonly tunnels: readonly Tunnel[];
}

/** Everything about the interface but its private key. */
export interface TunnelConfig {
  readonly listenPort: number;
  /** ADDRESS/32 and ADDRESS/128: routes come from what the peers carry. */
  readonly addresses: readonly string[];
  readonly mtu: number;
  readonly peers: readonly {
    readonly publicKey: string;
    readonly allowedIps: readonly string[];
    readonly endpoint?: string;
    readonly keepaliveSeconds?: number;
  }[];
}

/** What the kernel says of the interface. */
export interface TunnelState {
  readonly peers: readonly { readonly publicKey: string }[];
}

export interface RelayWanted {
  readonly enabled: boolean;
  readonly maxMbit?: number;
  /** IPv4 and IPv6 of the members, this one included. */
  readonly addresses: readonly string[];
}

export interface RelayOutcome {
  readonly active: boolean;
  readonly problem?: { readonly message: string; readonly hint?: string };
}

/** Without rights or tools these throw HomieError MeshUnavailable with the command that helps. */
export interface TunnelPort {
  /** The file is written first, so it is there for a person even when the rest fails. */
  apply(
    config: TunnelConfig,
  ): Promise<{ readonly made: boolean; readonly changes: number; readonly savedHandEdit: boolean }>;
  /** Undefined where there is no such interface. */
  observe(): Promise<TunnelState | undefined>;
  /** Also of what an earlier daemon left behind; nothing to remove is fine. */
  remove(): Promise<void>;
  /** Whether `apply` would change nothing. */
  converged(config: TunnelConfig): Promise<boolean>;
}

export interface RelayPort {
  /** Idempotent. The rules keep strangers out of this machine's other networks, also while it does not relay. */
  apply(wanted: RelayWanted): Promise<RelayOutcome>;
  remove(): Promise<void>;
}

export interface NetworkPorts {
  /** Undefined: this machine is in no network. */
  sight(): MeshSight | undefined;
  readonly tunnel: TunnelPort;
  readonly relay: RelayPort;
}
