import type { NatKind } from "../resources/network-report.ts";

/** Where a tunnel may answer. `endpoint` is IP:PORT or [IP]:PORT in canonical form. */
export interface Place {
  /** An interface address; an address that is public; one a router mapped or a person named; one that another member sees. */
  readonly kind: "lan" | "public" | "mapped" | "seen";
  readonly endpoint: string;
}

/** What a machine says of its own tunnel; part of its signed live record. */
export interface TunnelFacts {
  /** Best first, at most 12. Claims: to be checked before use. */
  readonly places: readonly Place[];
  readonly nat: NatKind;
  /** It passes packets on for pairs that cannot reach each other. */
  readonly relays: boolean;
}

/** One WireGuard peer as it is to be configured. */
export interface Tunnel {
  readonly node: string;
  /** Whose mesh addresses go into this tunnel: node ids, its own among them when the path is straight; none: it is only probed. */
  readonly carries: readonly string[];
  /** Where to look for it first. */
  readonly endpoint?: string;
  readonly keepaliveSeconds?: number;
}
