/** One WireGuard peer as it is to be configured. */
export interface Tunnel {
  readonly node: string;
  /** Whose mesh addresses go into this tunnel: node ids, its own among them when the path is straight; none: it is only probed. */
  readonly carries: readonly string[];
  /** Where to look for it first. */
  readonly endpoint?: string;
  readonly keepaliveSeconds?: number;
}
