import { createHash } from "node:crypto";
import { nodeIdOf } from "../identity.ts";
import { append, Lineage, type Admit, type Gone, type Rotate } from "./lineage.ts";
import { placeMembers, type Place, type Placement, type Refusal } from "./place-members.ts";
import { settleClashes } from "./settle-clashes.ts";
import { openStatement, type SignedStatement, type Statement } from "./statement.ts";

/** Keys are base64url of 32 bytes. */
export interface Member {
  readonly identity: string;
  readonly node: string;
  /** Nobody else has it: of two who want one, the one nearer to the founder keeps it, the other gets letters of its node id. */
  readonly name: string;
  /** Nobody else has it either: the loser gets the next free one after its hash. Absent: the network is full. */
  readonly ip?: string;
  /** What it was admitted with. */
  readonly wantedIp: string;
  readonly wireguardKey: string;
  /** How many Admits lie between the founder and this key. */
  readonly depth: number;
  /** Keys from the founder to who let this one in; empty for the founder. */
  readonly chain: readonly string[];
  /** Ids of the Admits and Rotates of that chain: with the Genesis they prove this member to anybody. */
  readonly proofs: readonly string[];
  /** Highest number of a statement of this key. */
  readonly sequence: number;
  /** What it was admitted with and somebody nearer to the founder has: a key that is lost is not to be configured. */
  readonly lost: readonly ("ip" | "wireguardKey")[];
}
export interface Removed extends Gone {
  readonly node: string;
}
export interface Membership {
  /** Absent until the Genesis of this network was heard. */
  readonly genesis?: Extract<Statement, { kind: "Genesis" }>;
  readonly members: readonly Member[];
  readonly removed: readonly Removed[];
  readonly refused: readonly Refusal[];
  /** Statements of one author with one number: a restored backup, or a key with two owners. All of them count. */
  readonly contradictions: readonly {
    readonly issuer: string;
    readonly seq: number;
    readonly ids: readonly string[];
  }[];
}

/**
 * Who is in the network whose Genesis has the id `network`, from any pile of statements. Depends on the set alone: not on
 * order, doubling, foreign or broken bytes, or any clock. Who is removed in a set is removed in every larger one.
 */
export function judgeMembership(network: string, statements: readonly Uint8Array[]): Membership {
  const { opened, refused } = openAll(network, statements);
  const genesis = opened.find((each) => is(each, "Genesis"));
  if (genesis === undefined) return { members: [], removed: [], refused: sorted(refused), contradictions: [] };
  const edges = opened.filter((each): each is Admit | Rotate => is(each, "Admit") || is(each, "Rotate"));
  const lineage = new Lineage(genesis.issuer, edges);
  for (const each of opened) {
    const problem = is(each, "Revoke") || is(each, "Leave") ? lineage.remove(each) : undefined;
    if (problem !== undefined) refused.push({ id: each.id, reason: problem });
  }
  const placement = placeMembers(founderOf(genesis), edges, lineage, genesis.statement.cidr);
  return {
    genesis: genesis.statement,
    members: listMembers(placement, lineage, { opened, cidr: genesis.statement.cidr }),
    removed: listRemoved(lineage),
    refused: sorted([...refused, ...placement.refused]),
    contradictions: listContradictions(opened),
  };
}

function openAll(
  network: string,
  statements: readonly Uint8Array[],
): { opened: SignedStatement[]; refused: Refusal[] } {
  const opened = new Map<string, SignedStatement>();
  const refused = new Map<string, string>();
  for (const bytes of statements) {
    const result = openStatement(bytes);
    if (typeof result === "string") refused.set(createHash("sha256").update(bytes).digest("base64url"), result);
    else if (result.statement.kind === "Genesis") {
      if (result.id === network) opened.set(result.id, result);
      else refused.set(result.id, "is the Genesis of another network");
    } else if (result.statement.network === network) opened.set(result.id, result);
    else refused.set(result.id, "belongs to another network");
  }
  return { opened: sorted([...opened.values()]), refused: [...refused].map(([id, reason]) => ({ id, reason })) };
}

function founderOf({ id, issuer, statement }: SignedStatement<Extract<Statement, { kind: "Genesis" }>>): Place {
  const { name, ip, wireguardKey } = statement;
  return { identity: issuer, chain: [], proofs: [], depth: 0, name, ip, wireguardKey, rank: id };
}

function listMembers(
  { places }: Placement,
  { gone }: Lineage,
  { opened, cidr }: { readonly opened: readonly SignedStatement[]; readonly cidr: string },
): readonly Member[] {
  const sequences = new Map<string, number>();
  for (const { issuer, statement } of opened) {
    sequences.set(issuer, Math.max(sequences.get(issuer) ?? 0, "seq" in statement ? statement.seq : 0));
  }
  const present = [...places.values()].filter(({ identity }) => !gone.has(identity));
  const members = settleClashes(present, cidr).map(({ place, node, name, ip, lost }) => {
    const { identity, wireguardKey, depth, chain, proofs } = place;
    const addresses = { wantedIp: place.ip, ...(ip === undefined ? {} : { ip }) };
    const sequence = sequences.get(identity) ?? 0;
    return { identity, node, name, ...addresses, wireguardKey, depth, chain, proofs, sequence, lost };
  });
  return members.toSorted((a, b) => (a.identity < b.identity ? -1 : 1));
}

function listRemoved({ gone }: Lineage): readonly Removed[] {
  return [...gone.values()]
    .map((each) => ({ ...each, node: nodeIdOf(Buffer.from(each.identity, "base64url")) }))
    .toSorted((a, b) => (a.identity < b.identity ? -1 : 1));
}

function listContradictions(opened: readonly SignedStatement[]): Membership["contradictions"] {
  const byNumber = new Map<string, SignedStatement[]>();
  for (const each of opened)
    if ("seq" in each.statement) append(byNumber, `${each.issuer} ${each.statement.seq}`, each);
  return [...byNumber.values()]
    .filter(({ length }) => length > 1)
    .map((same) => {
      const [first] = same as [SignedStatement];
      const seq = "seq" in first.statement ? first.statement.seq : 0;
      return { issuer: first.issuer, seq, ids: same.map(({ id }) => id) };
    });
}

function is<K extends Statement["kind"]>(
  each: SignedStatement,
  kind: K,
): each is SignedStatement<Extract<Statement, { kind: K }>> {
  return each.statement.kind === kind;
}

function sorted<T extends { readonly id: string }>(items: readonly T[]): T[] {
  return items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
