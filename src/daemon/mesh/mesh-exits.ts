import { HomieError } from "../../resources/errors.ts";
import type { NetworkLogEntry } from "../../resources/network-report.ts";
import { nodeIdOf } from "../../trust/identity.ts";
import { judgeMembership, type Member } from "../../trust/membership/judge-membership.ts";
import { planCut } from "../../trust/membership/plan-cut.ts";
import { signStatement, type SignedStatement } from "../../trust/membership/statement.ts";
import type { MeshBook } from "./mesh-book.ts";

export interface Exit {
  readonly name: string;
  readonly node: string;
  /** Names of those who fall with it. */
  readonly alsoOut: readonly string[];
}

/** Puts a member out for ever, and changes the group secret so that it hears no beacon any more. Throws HomieError. */
export function revokeMember(book: MeshBook, peer: string): Exit {
  const member = findMember(book, peer);
  if (member.node === book.node) {
    throw new HomieError("BadRequest", "this is the machine itself", { hint: "homie network leave" });
  }
  const pile = book.statements().map(({ bytes }) => bytes);
  const network = book.network?.id ?? "";
  const saying = { kind: "Revoke", subject: member.identity, ...planCut(network, member.identity, pile) } as const;
  // Tried out first: a statement that counts for nothing is not worth a number.
  const trial = { network, seq: 1, ...saying };
  const bytes = signStatement(trial, book.identity.identityKey);
  const outcome = judgeMembership(network, [...pile, bytes]);
  if (!outcome.removed.some(({ node }) => node === member.node)) {
    const message = `${member.name} can be revoked by whoever invited it, by those above, and by the founder`;
    throw new HomieError("Forbidden", message, { hint: "homie network log shows who that is" });
  }
  const before = new Map(book.membership.members.map((each) => [each.node, each.name]));
  book.say(saying);
  book.rotateSecret();
  for (const { node } of book.membership.members) before.delete(node);
  before.delete(member.node);
  return { name: member.name, node: member.node, alsoOut: [...before.values()].toSorted() };
}

/** The statement that this machine goes; whom it invited may stay. */
export function sayLeave(book: MeshBook): void {
  if (book.own === undefined) return;
  const pile = book.statements().map(({ bytes }) => bytes);
  book.say({ kind: "Leave", ...planCut(book.network?.id ?? "", book.key, pile) });
}

/** This machine has said that it goes, with its keys of now or of before, and was stopped before it was through with that. */
export function hasLeft(book: MeshBook, wasOwn: (node: string) => boolean): boolean {
  if (book.network === undefined || book.own !== undefined) return false;
  const { removed } = book.membership;
  const own = removed.find(({ node }) => node === book.node);
  if (own !== undefined) return own.how === "Left";
  // Keys that were let in later, whatever became of them, are not on their way out.
  if (namesIn(book.statements()).has(book.key)) return false;
  return removed.some(({ node, how }) => how === "Left" && wasOwn(node));
}

/** By name, or by node id. Throws HomieError NotFound. */
export function findMember(book: MeshBook, peer: string): Member {
  const { members, removed } = book.membership;
  const member = members.find(({ name, node }) => name === peer || node === peer);
  if (member !== undefined) return member;
  const gone = removed.find(({ node }) => node === peer);
  if (gone !== undefined) throw new HomieError("Conflict", `${peer} is out already (${gone.how})`);
  throw new HomieError("NotFound", `no member is called ${JSON.stringify(peer)}`, { hint: "homie network status" });
}

const order = { Genesis: 0, Admit: 1, Rotate: 2, Revoke: 3, Leave: 4 } as const;

/** Who said what, every inviter before whom it invited. */
export function networkLog(book: MeshBook): readonly NetworkLogEntry[] {
  const { membership } = book;
  const statements = book.statements();
  const names = namesIn(statements);
  for (const { identity, name } of membership.members) names.set(identity, name);
  const nameOf = (identity: string): string => names.get(identity) ?? nodeIdOf(Buffer.from(identity, "base64url"));
  const reasons = new Map(membership.refused.map(({ id, reason }) => [id, reason]));
  const depths = depthsOf(statements);
  const entries = statements.map(({ id, issuer, statement }): NetworkLogEntry => {
    const subject = subjectOf({ issuer, statement });
    const reason = reasons.get(id);
    return {
      ...{ kind: statement.kind, id, by: nameOf(issuer), subject: nameOf(subject), depth: depths.get(subject) ?? 0 },
      ...("ip" in statement ? { ip: statement.ip } : {}),
      ...(reason === undefined ? {} : { void: reason }),
    };
  });
  return entries.toSorted(
    (a, b) =>
      Number(order[a.kind] > 2) - Number(order[b.kind] > 2) ||
      a.depth - b.depth ||
      order[a.kind] - order[b.kind] ||
      (a.id < b.id ? -1 : 1),
  );
}

function subjectOf({ issuer, statement }: Pick<SignedStatement, "issuer" | "statement">): string {
  if (statement.kind === "Admit" || statement.kind === "Revoke") return statement.subject;
  return statement.kind === "Rotate" ? statement.successor : issuer;
}

/** Names that keys were admitted with, whatever became of them. */
export function namesIn(statements: readonly SignedStatement[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { issuer, statement } of statements) {
    if (statement.kind === "Genesis") names.set(issuer, statement.name);
    if (statement.kind === "Admit") names.set(statement.subject, statement.name);
  }
  return names;
}

/** Admits between the founder and each key; statements whose author is not known are at depth 0. */
function depthsOf(statements: readonly SignedStatement[]): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  for (const { issuer, statement } of statements) if (statement.kind === "Genesis") depths.set(issuer, 0);
  for (let before = -1; before !== depths.size;) {
    before = depths.size;
    for (const { issuer, statement } of statements) {
      const depth = depths.get(issuer);
      if (depth === undefined) continue;
      if (statement.kind === "Admit" && !depths.has(statement.subject)) depths.set(statement.subject, depth + 1);
      if (statement.kind === "Rotate" && !depths.has(statement.successor)) depths.set(statement.successor, depth);
    }
  }
  return depths;
}
