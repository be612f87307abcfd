/**
 * The shape every declarative object has, after Kubernetes: desired `spec`, observed `status`.
 * The spec and status of each kind are generated from `schemas/` (see `generated/types.ts`).
 */
export const apiVersion = "homie.dev/v1";

/** Kinds people write into `desired/` and the API serves for reading and writing. */
export type DeclaredKind = "Job" | "Limits" | "Network" | "Peer";
/** `Attempt` is one numbered try of a Job on one executor; the daemon writes it, people only read it. */
export type Kind = DeclaredKind | "Attempt";

export interface Metadata {
  /** DNS label, 1 to 63 characters. */
  readonly name: string;
  /** UUID of this life of the object; a new object of the same name gets another. */
  readonly uid: string;
  /** Goes up by one when the canonical content of `spec` changes, starting at 1. */
  readonly generation: number;
  /** Decimal digits from one counter per home; changes on every write and never goes backwards. */
  readonly resourceVersion: string;
  /** RFC 3339 without fraction, in UTC. */
  readonly creationTimestamp: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Set: clean up what the object left in the world, drop your finalizer, and it is removed. */
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
}

export interface Condition {
  /** A condition of the world, not a verb: "Finished", "OutputsCollected". */
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase and stable: safe to switch on. */
  readonly reason: string;
  /** For people; free to change. */
  readonly message: string;
  readonly lastTransitionTime: string;
}

export interface BaseStatus {
  /** The generation this status speaks of. */
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
}

export interface Resource<K extends Kind = Kind, Spec = unknown, Status extends BaseStatus = BaseStatus> {
  readonly apiVersion: "homie.dev/v1";
  readonly kind: K;
  readonly metadata: Metadata;
  /** Written by people and the CLI. A controller never writes it. */
  readonly spec: Spec;
  /** Written by this kind's controller and by nothing else. */
  readonly status?: Status;
}

/** Says which object to look at, never what happened to it. */
export interface Key {
  readonly kind: Kind;
  readonly name: string;
}

/** What a person declares: one YAML document after validation, before the store adds its metadata. */
export interface Manifest {
  readonly apiVersion: "homie.dev/v1";
  readonly kind: DeclaredKind;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: unknown;
}
