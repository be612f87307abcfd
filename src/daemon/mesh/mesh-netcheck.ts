import type { NatKind, NetcheckReport } from "../../resources/network-report.ts";

export interface NetcheckFacts {
  readonly nat: NatKind;
  /** Where members see this machine's tunnel; names. */
  readonly seen: NetcheckReport["seen"];
  readonly localAddresses: readonly string[];
  readonly portMapping: NetcheckReport["portMapping"];
  readonly relay: { readonly active: boolean; readonly problem?: { readonly message: string; readonly hint?: string } };
  readonly relays: NetcheckReport["relays"];
  readonly mtu: number;
  /** WireGuard's. */
  readonly port: number;
  /** The interface is up. */
  readonly up: boolean;
  readonly others: number;
}

/** What `homie netcheck` shows, with advice for people. */
export function reportNetcheck(facts: NetcheckFacts): NetcheckReport {
  const { nat, seen, localAddresses, portMapping, relay, relays, mtu } = facts;
  const problem = relay.problem?.message;
  return {
    ...{ nat, seen, localAddresses, portMapping, relays, mtu },
    udp: nat !== "udp-blocked",
    canRelay: relay.active,
    ...(problem === undefined ? {} : { canRelayProblem: problem }),
    advice: adviceFor(facts),
  };
}

function adviceFor({ nat, relay, relays, port, up, others, portMapping }: NetcheckFacts): readonly string[] {
  if (!up) return ["the WireGuard interface is not up: homie network status says why"];
  const isOpen = nat === "none" || portMapping.endpoint !== undefined;
  const { hint = relay.problem?.message } = relay.problem ?? {};
  const steps: readonly (readonly [isFitting: boolean, step: string])[] = [
    [
      nat === "udp-blocked",
      `this network lets no UDP out: allow UDP to port ${port} of the others, or use another network`,
    ],
    [
      others > 0 && relays.length === 0 && !isOpen,
      `nobody here can relay: forward UDP ${port} on one router (or allow UPnP there), or let a machine with a public address join`,
    ],
    [
      nat === "symmetric" && !isOpen,
      `this router gives each destination another port: forward UDP ${port} to this machine and name the place with endpoint: PUBLIC-IP:${port} in the Network file`,
    ],
    [isOpen && !relay.active && hint !== undefined, `others could go through this machine: ${hint}`],
  ];
  return steps.flatMap(([isFitting, step]) => (isFitting ? [step] : []));
}
