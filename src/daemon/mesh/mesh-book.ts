import { randomBytes } from "node:crypto";
import type { NetworkFile, PrivateFile, SecretEpoch } from "../../adapters/identity/network-file.ts";
import type { Logger } from "../../reconciler/types.ts";
import { HomieError } from "../../resources/errors.ts";
import { createKeyRing, type KeyRing } from "../../trust/group-secret.ts";
import { nodeIdOf, publicKeyOf, type IdentityRecord } from "../../trust/identity.ts";
import { maxStatements } from "../../trust/membership/exchange.ts";
import { judgeMembership, type Member, type Membership } from "../../trust/membership/judge-membership.ts";
import {
  openStatement,
  signStatement,
  type SignedStatement,
  type Statement,
} from "../../trust/membership/statement.ts";

export type BookChange =
  /** This machine came into a network, or left it. */
  | "network"
  /** Who is in it, or under which name or address. */
  | "members"
  | "secret";

export interface MeshBookOptions {
  readonly file: PrivateFile<NetworkFile>;
  readonly identity: IdentityRecord;
  readonly log: Logger;
}

/** A member who signs without end fills no disk. */
const maxOfOneAuthor = 256;
const maxEarlier = 8;
/** What others told of is written a moment later: it can be had again. */
const saveMs = 200;

const nobody: Membership = { members: [], removed: [], refused: [], contradictions: [] };

type Unnumbered<S extends Statement> = S extends unknown ? Omit<S, "network" | "seq"> : never;
/** What a member may say; number and network come by themselves. */
export type Saying = Unnumbered<Exclude<Statement, { kind: "Genesis" }>>;

/** The statements this machine knows, who is in the network by them, and the group secret; all of it on disk. */
export class MeshBook {
  readonly identity: IdentityRecord;
  /** Raw Ed25519 public key, base64url. */
  readonly key: string;
  readonly node: string;
  readonly ring: KeyRing;
  readonly #file: PrivateFile<NetworkFile>;
  readonly #log: Logger;
  readonly #listeners = new Set<(change: BookChange) => void>();
  readonly #pile = new Map<string, SignedStatement>();
  #content: NetworkFile | undefined;
  #membership: Membership = nobody;
  #members = new Map<string, Member>();
  #saving: NodeJS.Timeout | undefined;

  /** Throws HomieError StateUnusable for a damaged file. */
  constructor({ file, identity, log }: MeshBookOptions) {
    const key = publicKeyOf(identity.identityKey, "ed25519");
    this.identity = identity;
    this.key = key.toString("base64url");
    this.node = nodeIdOf(key);
    this.#file = file;
    this.#log = log;
    this.ring = createKeyRing(() => this.#secrets().map(({ secret }) => secret));
    this.#open(file.load());
  }

  /** Id, name and range of the network this machine is in. */
  get network(): { readonly id: string; readonly name: string; readonly cidr: string } | undefined {
    const { genesis } = this.#membership;
    if (this.#content === undefined || genesis === undefined) return undefined;
    return { id: this.#content.network, name: genesis.networkName, cidr: genesis.cidr };
  }

  get content(): NetworkFile | undefined {
    return this.#content;
  }

  get membership(): Membership {
    return this.#membership;
  }

  get own(): Member | undefined {
    return this.#members.get(this.node);
  }

  memberOf(node: string): Member | undefined {
    return this.#members.get(node);
  }

  /** Revoked, left, or rotated away: its key is worth nothing any more. */
  isOut(node: string): boolean {
    return this.#membership.removed.some((each) => each.node === node);
  }

  statements(): readonly SignedStatement[] {
    return [...this.#pile.values()];
  }

  /** What proves to anybody that this key is a member; empty when it is none. */
  proofOf(node: string): readonly Uint8Array[] {
    const member = this.#members.get(node);
    const genesis = this.#content?.network ?? "";
    const ids = member === undefined ? [] : [genesis, ...member.proofs];
    return ids.flatMap((id) => this.#pile.get(id)?.bytes ?? []);
  }

  /** Takes in what others say; answers what of it was new. */
  add(statements: readonly Uint8Array[]): readonly Uint8Array[] {
    const news = statements.filter((bytes) => this.#take(bytes));
    if (news.length > 0) {
      this.#judge();
      this.#saving ??= setTimeout(() => this.flush(), saveMs).unref();
    }
    return news;
  }

  /** Signs, keeps and answers a statement of this machine. On disk when this returns. */
  say(saying: Saying): Uint8Array {
    const bytes = this.sign(saying);
    if (this.#take(bytes)) {
      this.#judge();
      this.flush();
    }
    return bytes;
  }

  /** The statement alone: an Admit is one only when its subject has consented. Its number is never used again. */
  sign(saying: Saying): Uint8Array {
    const content = this.#joined();
    const seq = Math.max(content.lastSequence ?? 0, this.own?.sequence ?? 0) + 1;
    this.#content = { ...content, lastSequence: seq };
    this.flush();
    const statement = { network: content.network, seq, ...saying } as Statement;
    return Uint8Array.from(signStatement(statement, this.identity.identityKey));
  }

  /** Into a network: of this machine's own making, or by an invite. */
  enter(content: Omit<NetworkFile, "version">): void {
    if (this.#content !== undefined) throw new HomieError("Conflict", "this machine is in a network already");
    this.#file.save(content);
    this.#open({ version: 1, ...content });
    this.#tell("network");
  }

  leave(): void {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    this.#file.remove();
    this.#open(undefined);
    this.#tell("network");
  }

  /** Invites that nobody has come with yet. */
  keepPending(pending: readonly string[]): void {
    this.#content = { ...this.#joined(), pending };
    this.flush();
  }

  get epoch(): SecretEpoch | undefined {
    return this.#content?.epoch;
  }

  /** A member knows this secret. True when it was new here. */
  takeSecret(offered: SecretEpoch): boolean {
    const content = this.#joined();
    if (this.#secrets().some(({ secret }) => secret === offered.secret)) return false;
    // Somebody who counts far ahead would shut all later ones out.
    if (offered.number > content.epoch.number + 1_024) return false;
    const ordered = [offered, content.epoch, ...content.earlier].toSorted(newestFirst);
    const [epoch = content.epoch, ...earlier] = ordered;
    this.#content = { ...content, epoch, earlier: earlier.slice(0, maxEarlier) };
    this.flush();
    this.#tell("secret");
    return true;
  }

  rotateSecret(): void {
    const { epoch } = this.#joined();
    this.takeSecret({ number: epoch.number + 1, secret: randomBytes(32).toString("base64url") });
  }

  onChange(listener: (change: BookChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Writes what has changed. */
  flush(): void {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    if (this.#content === undefined) return;
    const statements = [...this.#pile.values()].map(({ bytes }) => Buffer.from(bytes).toString("base64url"));
    this.#content = { ...this.#content, statements };
    this.#file.save(this.#content);
  }

  #joined(): NetworkFile {
    if (this.#content !== undefined) return this.#content;
    throw new HomieError("NotFound", "this machine is in no network", {
      hint: "homie network create NAME makes one, homie network join gets into that of a friend",
    });
  }

  #secrets(): readonly SecretEpoch[] {
    return this.#content === undefined ? [] : [this.#content.epoch, ...this.#content.earlier];
  }

  #open(content: NetworkFile | undefined): void {
    this.#content = content;
    this.#pile.clear();
    for (const text of content?.statements ?? []) this.#take(Uint8Array.from(Buffer.from(text, "base64url")));
    this.#judge();
  }

  /** Genuine, of this network and new; whether it counts is judged with all the others. */
  #take(bytes: Uint8Array): boolean {
    const opened = openStatement(bytes);
    if (typeof opened === "string" || this.#pile.has(opened.id)) return false;
    const { statement, issuer, id } = opened;
    const network = this.#content?.network;
    if (statement.kind === "Genesis" ? id !== network : statement.network !== network) return false;
    if (this.#pile.size >= maxStatements) this.#dropVoid();
    const ofAuthor = [...this.#pile.values()].filter((each) => each.issuer === issuer).length;
    if (ofAuthor >= maxOfOneAuthor || this.#pile.size >= maxStatements) return false;
    this.#pile.set(id, opened);
    return true;
  }

  #dropVoid(): void {
    for (const { id } of this.#membership.refused) this.#pile.delete(id);
  }

  #judge(): void {
    const before = JSON.stringify(this.#membership);
    const bytes = [...this.#pile.values()].map((each) => each.bytes);
    this.#membership = this.#content === undefined ? nobody : judgeMembership(this.#content.network, bytes);
    this.#members = new Map(this.#membership.members.map((member) => [member.node, member]));
    if (JSON.stringify(this.#membership) === before) return;
    if (this.#content !== undefined && this.own === undefined)
      this.#log.warn("this machine is no member of its network any more", { network: this.#content.network });
    this.#tell("members");
  }

  #tell(change: BookChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Of two with one number all members choose the same. */
function newestFirst(a: SecretEpoch, b: SecretEpoch): number {
  return b.number - a.number || (a.secret < b.secret ? -1 : 1);
}
