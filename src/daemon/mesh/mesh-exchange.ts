import type { Link } from "../../adapters/tls/link.ts";
import { TokenBucket, TokenBuckets } from "../../adapters/tls/token-bucket.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import {
  decodeWord,
  digestOf,
  encodeWords,
  lackingFrom,
  maxStatements,
  shortId,
  type MembershipWord,
} from "../../trust/membership/exchange.ts";
import { judgeMembership } from "../../trust/membership/judge-membership.ts";
import { openStatement } from "../../trust/membership/statement.ts";
import type { MeshBook } from "./mesh-book.ts";

export interface MeshExchangeOptions {
  readonly book: MeshBook;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Links to members. */
  readonly links: () => readonly Link[];
}

/** Somebody whose links are whole has nothing to catch up with; this finds what a lost word left out. */
const digestMs = 30_000;
const idsGapMs = 2_000;
/** Statements of one machine that are looked at: a whole network at once, then few. */
const rate = { perSecond: 20, burst: maxStatements };
/** A stranger shows what proves it and no more. */
const maxProof = 128;
const maxNodes = 1_024;

/** Brings the statements of a network and its secret to every member: at once over every link, and what is missing at the next. */
export class MeshExchange {
  readonly #options: MeshExchangeOptions;
  readonly #told = new Set<string>();
  readonly #sentIdsMs = new WeakMap<Link, number>();
  readonly #budgets = new TokenBuckets((nowMs) => new TokenBucket(rate.perSecond, rate.burst, nowMs), maxNodes);
  readonly #timer: NodeJS.Timeout;
  readonly #subscription: Disposable;

  constructor(options: MeshExchangeOptions) {
    this.#options = options;
    for (const { id } of options.book.statements()) this.#told.add(id);
    this.#subscription = options.book.onChange((change) => {
      if (change === "members") this.#tellNews();
      if (change === "secret") this.#tellSecret();
    });
    this.#timer = setInterval(() => this.#tellDigest(), digestMs).unref();
  }

  /** Before anything else on a link: what this machine stands on. The other end may never have heard of it. */
  greet(link: Link): void {
    const { book } = this.#options;
    const statements = book.proofOf(book.node);
    if (statements.length > 0) send(link, { kind: "statements", statements });
  }

  linked(link: Link): void {
    this.#sendIds(link);
    this.#sendSecret(link);
  }

  /** Every word may be a lie; a statement is believed for its signatures alone. */
  take(link: Link, bytes: Uint8Array, isAdmitted: boolean): void {
    const word = decodeWord(bytes);
    if (word === undefined) return;
    if (!isAdmitted) {
      if (word.kind === "statements") this.#takeProof(link.peer.node, word.statements);
      return;
    }
    switch (word.kind) {
      case "statements":
        return this.#takeStatements(link, word.statements);
      case "ids":
        return this.#answer(link, word.ids);
      case "digest":
        if (word.digest !== this.digest) this.#sendIds(link);
        return;
      case "secret":
        return this.#takeSecret(link, word);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#subscription[Symbol.dispose]();
  }

  /** Of all statements here. */
  get digest(): string {
    return digestOf(this.#ids());
  }

  #ids(): readonly string[] {
    return this.#options.book.statements().map(({ id }) => id);
  }

  /** Of a machine nobody here knows: kept only if it makes it a member, so that strangers fill no disk. */
  #takeProof(node: string, statements: readonly Uint8Array[]): void {
    const { book } = this.#options;
    const network = book.network?.id;
    if (network === undefined || statements.length > maxProof || !this.#afford(node, statements.length)) return;
    const pile = [...book.statements().map((each) => each.bytes), ...statements];
    const { members } = judgeMembership(network, pile);
    const member = members.find((each) => each.node === node);
    if (member === undefined) return;
    const proofs = new Set([network, ...member.proofs]);
    this.#add(statements.filter((each) => proofs.has(idOf(each))));
  }

  #takeStatements(link: Link, statements: readonly Uint8Array[]): void {
    if (this.#afford(link.peer.node, statements.length)) this.#add(statements);
    else this.#options.log.warn("a member sends more statements than anybody has", { node: link.peer.node });
  }

  #afford(node: string, count: number): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    for (let taken = 0; taken < count; taken += 1) if (!this.#budgets.take(node, nowMs)) return false;
    return true;
  }

  #add(statements: readonly Uint8Array[]): void {
    const news = this.#options.book.add(statements);
    if (news.length > 0) this.#options.log.info("statements of the network came in", { count: news.length });
  }

  /** What it lacks; and if it has something that is not here, it is asked with a list of what is. */
  #answer(link: Link, theirs: readonly string[]): void {
    const { book } = this.#options;
    const lacking = new Set(lackingFrom(theirs, this.#ids()));
    const statements = book.statements().filter(({ id }) => lacking.has(id));
    if (statements.length > 0) send(link, { kind: "statements", statements: statements.map(({ bytes }) => bytes) });
    const own = new Set(this.#ids().map(shortId));
    if (theirs.some((id) => !own.has(id))) this.#sendIds(link);
  }

  /** Seldom: two that each have what the other does not take would go on for ever. */
  #sendIds(link: Link): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - (this.#sentIdsMs.get(link) ?? -Infinity) < idsGapMs) return;
    this.#sentIdsMs.set(link, nowMs);
    send(link, { kind: "ids", ids: this.#ids() });
  }

  #takeSecret(link: Link, { number, secret }: Extract<MembershipWord, { kind: "secret" }>): void {
    const { book, log } = this.#options;
    if (book.takeSecret({ number, secret })) log.info("a newer group secret came in", { from: link.peer.node, number });
    const newest = book.epoch;
    if (newest !== undefined && newest.number > number) this.#sendSecret(link);
  }

  #tellNews(): void {
    const news = this.#options.book.statements().filter(({ id }) => !this.#told.has(id));
    for (const { id } of news) this.#told.add(id);
    if (news.length === 0) return;
    const statements = news.map(({ bytes }) => bytes);
    for (const link of this.#options.links()) send(link, { kind: "statements", statements });
  }

  #tellSecret(): void {
    for (const link of this.#options.links()) this.#sendSecret(link);
  }

  #sendSecret(link: Link): void {
    const { epoch } = this.#options.book;
    if (epoch !== undefined) send(link, { kind: "secret", ...epoch });
  }

  #tellDigest(): void {
    const links = this.#options.links();
    const link = links[Math.floor(this.#options.random() * links.length)];
    if (link !== undefined) send(link, { kind: "digest", digest: this.digest });
  }
}

function send(link: Link, word: MembershipWord): void {
  for (const bytes of encodeWords(word)) link.membership(bytes);
}

function idOf(bytes: Uint8Array): string {
  const opened = openStatement(bytes);
  return typeof opened === "string" ? "" : opened.id;
}
