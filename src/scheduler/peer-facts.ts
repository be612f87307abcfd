/** What a submitter goes by when it places a Job: what a peer says of itself, clamped, and what this machine knows itself. */
export interface PeerFacts extends PeerKnowledge, PeerClaims {}

export type CrewPhase = "Online" | "Suspect" | "Offline" | "Untrusted" | "Revoked";

/** Measured, decided or proved here; nothing of it is taken from the peer's word. */
export interface PeerKnowledge {
  /** Node id the link has proved; unique among the peers of one decision. */
  readonly node: string;
  /** The name this machine knows the node by. */
  readonly name: string;
  /** The submitter itself. */
  readonly own: boolean;
  readonly phase: CrewPhase;
  /** Since the last sign of life, by this machine's monotonic clock. */
  readonly silentMs?: number;
  /** Its protocol version can be spoken. */
  readonly compatible: boolean;
  /** Of its Peer file here, metadata and spec merged. */
  readonly labels: Readonly<Record<string, string>>;
  readonly cordoned: boolean;
  /** Bytes of project, inputs and image layers it still lacks for this Job. */
  readonly missingBytes: number;
  /** Moving average of real transfers; absent before the first. */
  readonly bytesPerSecond?: number;
  readonly rttMs?: number;
  /** Packets go through a third peer. */
  readonly relayed: boolean;
  readonly history: PeerHistory;
}

/** How attempts ended there; kept by the submitter, see history.ts. */
export interface PeerHistory {
  /** Attempts that ran to an end of the program's own, halved every seven days. */
  readonly succeeded: number;
  /** Attempts that the peer lost or could not start, halved every seven days. */
  readonly failed: number;
  /** Unix time the two counts were true at. */
  readonly asOfMs: number;
  /** When the failures of the last ten minutes were. */
  readonly recentFailuresMs: readonly number[];
  /** How often in a row it was shut out. */
  readonly quarantines: number;
  readonly quarantinedUntilMs?: number;
  /** Median seconds past runs of this Job took there. */
  readonly runSeconds?: number;
}

/** What a peer says of itself. Only values that came through `sanitizePeerFacts` belong here. */
export interface PeerClaims {
  /** As Docker writes it: "linux/amd64"; "" when it did not say. */
  readonly platform: string;
  /** Cores of the machine, lent or not. */
  readonly machineCores: number;
  /** Cores in use by anybody, over the last minute. */
  readonly load: number;
  readonly cpu: Supply;
  readonly memoryBytes: Supply;
  readonly diskBytes: Supply;
  /** Slots for Jobs; Infinity where there is no such limit. */
  readonly jobs: Supply;
  readonly gpus: readonly GpuFacts[];
  /** How many of them it lends together; absent: all there are. */
  readonly gpusLent?: Supply;
  readonly allow: AllowFacts;
  /** Unix time by this machine's clock. */
  readonly snoozedUntilMs?: number;
  /** Its quiet hours are now. */
  readonly quiet: boolean;
  readonly onBattery: boolean;
  readonly takesWorkOnBattery: boolean;
  /** Nobody has used it for as long as its owner asks. */
  readonly idle: boolean;
  readonly onlyWhenIdle: boolean;
  readonly runtime: "docker" | "process";
}

/** Lent in all, and not taken at the moment. */
export interface Supply {
  readonly total: number;
  readonly free: number;
}

export interface GpuFacts {
  readonly model: string;
  readonly memoryBytes: number;
  readonly free: boolean;
}

/** Limits `allow`: an absent list allows all of that sort. */
export interface AllowFacts {
  readonly peers?: readonly string[];
  readonly images?: readonly string[];
  readonly networks: readonly ("none" | "egress")[];
}
