/** What the daemon says about the native mesh. Field names are a scripting contract: `-o json` prints these objects. */

/** How packets go to a peer: straight on a LAN, straight over the internet, after hole punching, through a third member, or not. */
export type Connection = "lan" | "direct" | "punched" | "relay" | "none";

/** How the router in front of a machine treats its UDP. */
export type NatKind =
  /** It has a public address itself. */
  | "none"
  /** One port for all destinations: others can be told where it is. */
  | "endpoint-independent"
  /** Another port for each destination: only a relay or a public peer reaches it. */
  | "symmetric"
  | "udp-blocked"
  /** Too few public members to tell. */
  | "unknown";

export interface NetworkPeerReport {
  readonly name: string;
  readonly node: string;
  readonly status: "Online" | "Suspect" | "Offline" | "Untrusted" | "Revoked";
  readonly connection: Connection;
  /** Name of the member that relays; only with `relay`. */
  readonly via?: string;
  readonly rttMs?: number;
  /** RFC 3339; absent before the first. */
  readonly lastHandshake?: string;
  /** Name of the inviter; absent for the founder. */
  readonly invitedBy?: string;
  readonly ip: string;
  readonly ipv6: string;
  /** Names of the other members that have a handshake with it, as their records say; absent when records do not tell. */
  readonly knownTo?: readonly string[];
  /** Why it is not connected, or not better connected than it is. */
  readonly reason?: string;
}

/** What all machines that are online have together, this one included. Memory in bytes. */
export interface NetworkTotals {
  readonly peers: number;
  readonly online: number;
  readonly cpus: number;
  readonly memory: number;
  readonly gpus: number;
  /** Attempts that ended or run since midnight, local time, as this machine knows them. */
  readonly jobsToday: number;
}

export interface NetworkReport {
  readonly name: string;
  /** Id of the Genesis, base64url. */
  readonly network: string;
  readonly cidr: string;
  readonly you: {
    readonly name: string;
    readonly node: string;
    readonly ip: string;
    readonly ipv6: string;
    readonly invitedBy?: string;
    /** This machine is no member: its keys are out, or nothing that counts has let them in. */
    readonly removed?:
      | { readonly how: "Revoked" | "Left" | "Rotated"; readonly by: string }
      | { readonly how: "NotAdmitted" };
    readonly nat: NatKind;
    readonly relays: boolean;
    /** Absent: the interface is up. */
    readonly interfaceProblem?: { readonly message: string; readonly hint?: string };
  };
  readonly peers: readonly NetworkPeerReport[];
  readonly totals: NetworkTotals;
}

/** One statement of the log of a network, in an order in which every inviter comes before whom it invited. */
export interface NetworkLogEntry {
  readonly kind: "Genesis" | "Admit" | "Revoke" | "Rotate" | "Leave";
  readonly id: string;
  /** Names, or node ids of keys that no member has now. */
  readonly by: string;
  readonly subject: string;
  readonly ip?: string;
  /** How many Admits lie between the founder and the subject. */
  readonly depth: number;
  /** Why the statement counts for nothing. */
  readonly void?: string;
}

/** Six words each; equal on both screens unless somebody in between swapped a key. */
export interface InvitePreview {
  readonly name: string;
  readonly assignedIp: string;
  /** Over the request. */
  readonly fingerprint: readonly string[];
}

export interface Invite {
  readonly bundle: string;
  readonly name: string;
  readonly node: string;
  readonly assignedIp: string;
  readonly fingerprint: readonly string[];
  /** Over the request and the inviter: what the joiner's screen shows when it opens the invite. */
  readonly confirmation: readonly string[];
  /** RFC 3339. */
  readonly expires: string;
}

export interface JoinRequestReport {
  readonly request: string;
  readonly name: string;
  readonly node: string;
  readonly fingerprint: readonly string[];
}

/** What an invite says, before anything is done with it. */
export interface JoinPreview {
  readonly network: string;
  readonly networkName: string;
  readonly name: string;
  readonly assignedIp: string;
  readonly cidr: string;
  readonly invitedBy: string;
  readonly confirmation: readonly string[];
  readonly peers: readonly string[];
}

export interface PathTry {
  readonly kind: "lan" | "public" | "mapped" | "seen" | "relay";
  /** IP:PORT, or the name of the relay. */
  readonly endpoint: string;
  readonly result: "works" | "no answer" | "waiting" | "untried" | "not possible";
  readonly secondsAgo?: number;
  readonly why?: string;
}

/** `homie why peer/NAME`. */
export interface PathExplanation {
  readonly peer: string;
  readonly connection: Connection;
  readonly via?: string;
  readonly nat: { readonly you: NatKind; readonly peer: NatKind };
  readonly tries: readonly PathTry[];
  readonly nextTrySeconds?: number;
  /** Sentences, most important first. */
  readonly words: readonly string[];
}

/** `homie netcheck`. */
export interface NetcheckReport {
  readonly nat: NatKind;
  /** IP:PORT as public members see this machine's tunnel, each with who says so. */
  readonly seen: readonly { readonly endpoint: string; readonly by: string }[];
  readonly localAddresses: readonly string[];
  readonly portMapping: {
    readonly protocol?: "pcp" | "nat-pmp" | "upnp";
    readonly endpoint?: string;
    readonly problem?: string;
  };
  readonly udp: boolean;
  readonly canRelay: boolean;
  readonly canRelayProblem?: string;
  /** Members that relay now, with the round trip. */
  readonly relays: readonly { readonly name: string; readonly rttMs?: number }[];
  readonly mtu: number;
  /** What to do, most important first; empty when all is well. */
  readonly advice: readonly string[];
}
