import type { NatKind, NetcheckReport } from "../../resources/network-report.ts";

/** What lies between this machine and the internet, as far as was found out. */
export interface Surroundings {
  /** IP:PORT that a router maps to the tunnel. */
  readonly mapped?: string;
  readonly nat?: NatKind;
  /** By which protocol, or why not. */
  readonly mapping?: Pick<NetcheckReport["portMapping"], "protocol" | "problem">;
}

export interface MeshSurroundings {
  readonly seen: Surroundings;
  /** The machine is somewhere else now: everything is found out anew. */
  moved(): void;
}
