import type { Network, NetworkSpec } from "../../../src/resources/network.ts";
import type { MeshMemberSight, MeshSight } from "../../../src/controllers/network/ports.ts";

export function aNetwork(
  draft: {
    readonly name?: string;
    readonly deleted?: boolean;
    readonly spec?: NetworkSpec;
    readonly age?: number;
  } = {},
): Network {
  const createdAt = `2026-01-01T00:00:0${9 - (draft.age ?? 9)}Z`;
  return {
    apiVersion: "homie.dev/v1",
    kind: "Network",
    metadata: {
      name: draft.name ?? "homelab",
      uid: "11111111-1111-4111-8111-111111111111",
      generation: 1,
      resourceVersion: "1",
      creationTimestamp: createdAt,
      finalizers: ["homie.dev/interface"],
      ...(draft.deleted === true ? { deletionTimestamp: createdAt } : {}),
    },
    spec: draft.spec ?? {},
  };
}

/** A member whose addresses and key are told by a number. */
export function aMember(number: number, changes: Partial<MeshMemberSight> = {}): MeshMemberSight {
  return {
    node: `node${number}`,
    name: `peer${number}`,
    ip: `10.77.0.${number}`,
    ipv6: `fd00:77::${number}`,
    wireguardKey: `key${number}`,
    ...changes,
  };
}

export type Joined = MeshSight & { readonly own: MeshMemberSight };

export function aSight(changes: Partial<Joined> = {}): Joined {
  return {
    network: "genesis",
    name: "homelab",
    cidr: "10.77.0.0/16",
    own: aMember(1),
    others: [aMember(2), aMember(3)],
    tunnels: [],
    ...changes,
  };
}
