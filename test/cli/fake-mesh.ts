import type { MeshOperations } from "../../src/api/ports.ts";
import { HomieError } from "../../src/resources/errors.ts";
import type {
  Invite,
  JoinPreview,
  NetcheckReport,
  NetworkLogEntry,
  NetworkPeerReport,
  NetworkReport,
  PathExplanation,
} from "../../src/resources/network-report.ts";
import { encodePaste } from "../../src/trust/membership/paste.ts";

const paste = (prefix: "hj1_" | "hm1_", bytes: number): string =>
  encodePaste({ prefix, noun: "text", hint: "copy all of it" }, Buffer.alloc(bytes, 7));

/** As long as the real ones. */
export const aRequest: string = paste("hj1_", 200);
export const aBundle: string = paste("hm1_", 4000);
export const requestWords: readonly string[] = ["apple", "river", "stone", "cloud", "tiger", "lemon"];
export const inviteWords: readonly string[] = ["ocean", "maple", "rocket", "violin", "desert", "honey"];

const gib = 2 ** 30;
export const aPeer = (name: string, more: Partial<NetworkPeerReport> = {}): NetworkPeerReport => ({
  name,
  node: `${name}node`,
  status: "Online",
  connection: "direct",
  rttMs: 12.34,
  lastHandshake: "2026-11-23T11:59:30Z",
  invitedBy: "vivek",
  ip: "10.77.3.4",
  ipv6: "fd00::4",
  ...more,
});

export const aNetwork: NetworkReport = {
  name: "homelab",
  network: "bmV0d29yaw",
  cidr: "10.77.0.0/16",
  you: {
    name: "priya",
    node: "priyanode",
    ip: "10.77.9.2",
    ipv6: "fd00::2",
    invitedBy: "raj",
    nat: "endpoint-independent",
    relays: false,
  },
  peers: [
    founder(),
    aPeer("raj", { connection: "punched", rttMs: 31.2 }),
    aPeer("nina", { connection: "lan", rttMs: 0.4, invitedBy: "raj" }),
    aPeer("alex", { connection: "relay", via: "vivek", rttMs: 48 }),
    silent("sam", {
      status: "Offline",
      connection: "none",
      reason: "UDP is blocked there and no member relays over TCP",
    }),
  ],
  totals: { peers: 6, online: 5, cpus: 44, memory: 176 * gib, gpus: 1, jobsToday: 12 },
};

function founder(): NetworkPeerReport {
  const { invitedBy: _nobody, ...rest } = aPeer("vivek");
  return rest;
}

function silent(name: string, more: Partial<NetworkPeerReport>): NetworkPeerReport {
  const { rttMs: _rtt, lastHandshake: _handshake, ...rest } = aPeer(name, more);
  return rest;
}

export const aLog: readonly NetworkLogEntry[] = [
  { kind: "Genesis", id: "g", by: "vivek", subject: "vivek", ip: "10.77.0.1", depth: 0 },
  { kind: "Admit", id: "a1", by: "vivek", subject: "raj", ip: "10.77.3.4", depth: 1 },
  { kind: "Admit", id: "a2", by: "vivek", subject: "alex", ip: "10.77.5.5", depth: 1 },
  { kind: "Admit", id: "a3", by: "raj", subject: "priya", ip: "10.77.9.2", depth: 2 },
  { kind: "Admit", id: "a4", by: "raj", subject: "mallory", ip: "10.77.6.6", depth: 2 },
  { kind: "Rotate", id: "o1", by: "raj", subject: "raj", depth: 1 },
  { kind: "Revoke", id: "r1", by: "vivek", subject: "mallory", depth: 2 },
  { kind: "Admit", id: "a5", by: "mallory", subject: "eve", ip: "10.77.7.7", depth: 3, void: "mallory is revoked" },
  { kind: "Leave", id: "l1", by: "alex", subject: "alex", depth: 1 },
];

export const anExplanation: PathExplanation = {
  peer: "alex",
  connection: "relay",
  via: "vivek",
  nat: { you: "endpoint-independent", peer: "symmetric" },
  tries: [
    { kind: "lan", endpoint: "192.168.1.7:51820", result: "no answer", secondsAgo: 40 },
    {
      kind: "seen",
      endpoint: "203.0.113.9:40112",
      result: "not possible",
      why: "its router uses another port for each",
    },
    { kind: "relay", endpoint: "vivek", result: "works", secondsAgo: 1 },
  ],
  nextTrySeconds: 25,
  words: ["alex is behind a symmetric NAT, so packets go through vivek"],
};

export const aNetcheck: NetcheckReport = {
  nat: "endpoint-independent",
  seen: [{ endpoint: "203.0.113.7:51820", by: "vivek" }],
  localAddresses: ["192.168.1.5", "fd12::5"],
  portMapping: { problem: "the router answers neither PCP, NAT-PMP nor UPnP" },
  udp: true,
  canRelay: false,
  canRelayProblem: "no member can send it a packet first",
  relays: [{ name: "vivek", rttMs: 12.34 }],
  mtu: 1280,
  advice: ["forward UDP port 51820 on the router, then nobody needs a relay to reach you"],
};

const preview: JoinPreview = {
  network: "bmV0d29yaw",
  networkName: "homelab",
  name: "priya",
  assignedIp: "10.77.9.2",
  cidr: "10.77.0.0/16",
  invitedBy: "raj",
  confirmation: inviteWords,
  peers: ["vivek", "raj", "nina"],
};

export const anInvite: Invite = {
  bundle: aBundle,
  name: "kai",
  node: "kainode",
  assignedIp: "10.77.12.12",
  fingerprint: requestWords,
  confirmation: inviteWords,
  expires: "2026-11-24T12:00:00Z",
};

export interface FakeMesh extends MeshOperations {
  /** What was done, in order: ["invite", {...}]. Questions leave no trace. */
  readonly done: (readonly [string, unknown])[];
  /** What `report` answers, one after the other; the last one for ever. */
  reports: NetworkReport[];
}

/** The mesh of somebody who is in it; requests and invites other than the two above are refused. */
export function fakeMesh(more: Partial<MeshOperations> = {}): FakeMesh {
  const done: (readonly [string, unknown])[] = [];
  const act = <T>(name: string, request: unknown, answer: T): T => {
    done.push([name, request]);
    return answer;
  };
  const read = (text: string, wanted: string): void => {
    if (text.replaceAll(/\s/gu, "") === wanted) return;
    const message = `the text was cut: got ${text.length} of ${wanted.length} characters`;
    throw new HomieError("InviteRejected", message, { hint: "copy all of it" });
  };
  const mesh: FakeMesh = {
    done,
    reports: [aNetwork],
    create: async (request) => act("create", request, { ...aNetwork, peers: [] }),
    request: async (options) =>
      act("request", options, {
        request: aRequest,
        fingerprint: requestWords,
        name: "raj-laptop",
        node: "n".repeat(25),
      }),
    preview: async ({ request, name = "kai" }) => {
      read(request, aRequest);
      return { name, assignedIp: "10.77.12.12", fingerprint: requestWords };
    },
    invite: async (request) => act("invite", request, anInvite),
    inspect: async ({ bundle }) => {
      read(bundle, aBundle);
      return preview;
    },
    join: async (request) => act("join", request, aNetwork),
    report: async () => (mesh.reports.length > 1 ? mesh.reports.shift() : mesh.reports[0]) ?? aNetwork,
    log: async () => aLog,
    revoke: async (request) => act("revoke", request, { name: request.peer, node: "n", alsoOut: ["eve"] }),
    leave: async () => act("leave", {}, undefined),
    explain: async (peer) => {
      if (peer !== "alex") throw new HomieError("NotFound", `no member is called ${peer}`);
      return anExplanation;
    },
    netcheck: async () => aNetcheck,
    ...more,
  };
  return mesh;
}
