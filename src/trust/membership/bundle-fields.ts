import { nodeIdOf } from "../identity.ts";
import { FieldReader } from "../field-reader.ts";
import { judgeMembership } from "./judge-membership.ts";
import { memberAddressProblem, tunnelEndpointProblem } from "./mesh-addresses.ts";
import { maxChain, maxDepth } from "./place-members.ts";
import { address, dnsLabel, readIdentity, readTunnelKey } from "./statement-fields.ts";
import {
  maxStatementBytes,
  openStatement,
  openUnconsented,
  type SignedStatement,
  type Statement,
} from "./statement.ts";

/** Where to find a member; a hint to dial, proved by nothing but the handshake with `public_key`. Keys are base64url. */
export interface BundlePeer {
  readonly public_key: string;
  readonly wireguard_key: string;
  readonly ip: string;
  /** IP:PORT of its tunnel (UDP), at most 8. */
  readonly endpoints: readonly string[];
  /** IP:PORT where it takes links (TCP), at most 8; absent in older versions. */
  readonly links?: readonly string[];
  readonly name: string;
}
/** What an invite says, as it stands in its JSON. Statements are base64url. */
export interface BundleContents {
  readonly network_name: string;
  readonly genesis: string;
  readonly group_secret: string;
  /** Which one it is: how often it was changed. Absent in older versions, and for the first. */
  readonly epoch?: number;
  readonly peers: readonly BundlePeer[];
  readonly assigned_ip: string;
  /** Node id of the inviter. */
  readonly invited_by: string;
  /** The statements that prove the inviter, from the founder on. */
  readonly chain: readonly string[];
  /** The Admit of the joiner, without its consent. */
  readonly admit: string;
  /** Milliseconds since 1970. */
  readonly issued_at: number;
  readonly expires_at: number;
}
/** Between whom an invite has to be. `identity` and `wireguardKey` are the joiner's; all base64url of 32 bytes. */
export interface BundleParties {
  readonly inviter: string;
  readonly identity: string;
  readonly wireguardKey: string;
  readonly request: string;
}

export const maxBundlePeers = 256;
const maxEndpoints = 8;
const maxLifetimeMs = 7 * 24 * 3_600_000;
const statementText = { max: Math.ceil((maxStatementBytes * 4) / 3), pattern: /^[A-Za-z0-9_-]+$/ };

/** Contents that hold together and are between these parties, with the id of the network; or what is wrong with them. */
export function readContents(
  value: unknown,
  parties: BundleParties,
): { readonly contents: BundleContents; readonly network: string; readonly name: string } | string {
  const read = new FieldReader(value);
  const contents = readFields(read);
  if (read.problem !== undefined) return read.problem;
  const genesis = openStatement(Buffer.from(contents.genesis, "base64url"));
  if (typeof genesis === "string") return `genesis ${genesis}`;
  if (genesis.statement.kind !== "Genesis") return "genesis is another statement";
  const { cidr, networkName } = genesis.statement;
  if (networkName !== contents.network_name) return "network_name is not that of the genesis";
  const admit = readAdmit(contents, parties, genesis.id);
  if (typeof admit === "string") return admit;
  const problem = chainProblem(contents, parties, genesis) ?? addressesProblem(contents, cidr);
  return problem ?? { contents, network: genesis.id, name: admit.name };
}

function readFields(read: FieldReader): BundleContents {
  const issued = read.whole("issued_at", 0, 8.64e15);
  return {
    network_name: read.text("network_name", dnsLabel),
    genesis: readStatementText(read, "genesis"),
    group_secret: read.text("group_secret", { max: 1_024, pattern: /^[^\p{C}]+$/u }),
    ...(read.has("epoch") ? { epoch: read.whole("epoch", 0, 2 ** 48 - 1) } : {}),
    peers: read.objects("peers", maxBundlePeers).map(readBundlePeer),
    assigned_ip: read.text("assigned_ip", address),
    invited_by: read.text("invited_by", { max: 25, pattern: /^[a-z2-7]{25}$/ }),
    chain: read.texts("chain", maxChain, statementText),
    admit: readStatementText(read, "admit"),
    issued_at: issued,
    expires_at: read.whole("expires_at", issued + 1, issued + maxLifetimeMs),
  };
}

function readStatementText(read: FieldReader, field: string): string {
  return read.text(field, statementText);
}

export function readBundlePeer(peer: FieldReader): BundlePeer {
  const endpoints = readEndpoints(peer, "endpoints");
  return {
    public_key: readIdentity(peer, "public_key"),
    wireguard_key: readTunnelKey(peer, "wireguard_key"),
    ip: peer.text("ip", address),
    endpoints,
    name: peer.text("name", dnsLabel),
    ...(peer.has("links") ? { links: readEndpoints(peer, "links") } : {}),
  };
}

function readEndpoints(peer: FieldReader, field: string): readonly string[] {
  const endpoints = peer.texts(field, maxEndpoints, { max: 64 });
  for (const endpoint of endpoints) peer.check(field, tunnelEndpointProblem(endpoint));
  return endpoints;
}

function readAdmit(
  contents: BundleContents,
  { inviter, identity, wireguardKey, request }: BundleParties,
  network: string,
): Extract<Statement, { kind: "Admit" }> | string {
  const admit = openUnconsented(Buffer.from(contents.admit, "base64url"));
  if (typeof admit === "string") return `admit ${admit}`;
  const { statement } = admit;
  if (statement.kind !== "Admit") return "admit is another statement";
  const expected = { issuer: inviter, network, subject: identity, wireguardKey, request, ip: contents.assigned_ip };
  const actual = { ...statement, issuer: admit.issuer };
  const wrong = (Object.keys(expected) as (keyof typeof expected)[]).find((field) => actual[field] !== expected[field]);
  return wrong === undefined ? statement : `admit has another ${wrong} than the invite`;
}

function chainProblem(
  { chain, invited_by }: BundleContents,
  { inviter }: BundleParties,
  genesis: SignedStatement,
): string | undefined {
  if (invited_by !== nodeIdOf(Buffer.from(inviter, "base64url"))) return "invited_by is not who signed it";
  const statements = chain.map((text) => Buffer.from(text, "base64url"));
  const { members, refused } = judgeMembership(genesis.id, [genesis.bytes, ...statements]);
  const [bad] = refused;
  if (bad !== undefined) return `chain holds a statement that ${bad.reason}`;
  const member = members.find(({ identity }) => identity === inviter);
  if (member === undefined) return "chain does not prove who signed it";
  return member.depth < maxDepth ? undefined : `chain has ${maxDepth} invites already, and none is longer`;
}

function addressesProblem({ assigned_ip, peers }: BundleContents, cidr: string): string | undefined {
  const seen = new Set([assigned_ip]);
  const own = memberAddressProblem(assigned_ip, cidr);
  if (own !== undefined) return `assigned_ip ${own}`;
  for (const { ip, public_key, wireguard_key } of peers) {
    const problem = memberAddressProblem(ip, cidr);
    if (problem !== undefined) return `the ip of a peer ${problem}`;
    for (const unique of [ip, `id ${public_key}`, `wg ${wireguard_key}`]) {
      if (seen.has(unique)) return unique === assigned_ip ? "assigned_ip is in use" : "peers name something twice";
      seen.add(unique);
    }
  }
  return undefined;
}
