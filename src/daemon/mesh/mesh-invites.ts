import { randomBytes } from "node:crypto";
import type { JoinFile, PrivateFile } from "../../adapters/identity/network-file.ts";
import { HomieError } from "../../resources/errors.ts";
import type { Invite, InvitePreview, JoinPreview, JoinRequestReport } from "../../resources/network-report.ts";
import { nodeIdOf, publicKeyOf } from "../../trust/identity.ts";
import type { BundlePeer } from "../../trust/membership/bundle-fields.ts";
import { decodeBundle, sealBundle, type Bundle } from "../../trust/membership/bundle.ts";
import { fingerprintWords, requestWords } from "../../trust/membership/fingerprint.ts";
import { freeAddress, inviteProblem, inviterProblem } from "../../trust/membership/invite-rules.ts";
import { createJoinRequest, decodeJoinRequest, type JoinRequest } from "../../trust/membership/join-request.ts";
import type { Member, Membership } from "../../trust/membership/judge-membership.ts";
import { nextFreeAddress } from "../../trust/membership/mesh-addresses.ts";
import { consentTo, openUnconsented, signStatement, type Statement } from "../../trust/membership/statement.ts";
import type { MeshBook } from "./mesh-book.ts";

/** Where a member may be found: its tunnel (UDP) and its peer port (TCP), IP:PORT. */
export interface MemberPlaces {
  readonly endpoints: readonly string[];
  readonly links: readonly string[];
  /** It has a public address: the best to come to first. */
  readonly isPublic: boolean;
}

export interface MeshInvitesOptions {
  readonly book: MeshBook;
  readonly joinFile: PrivateFile<JoinFile>;
  readonly now: () => Date;
  /** The keys of this machine have left a network. */
  readonly isSpent: () => boolean;
  /** What this machine calls itself, a DNS label. */
  readonly name: string;
  readonly placesOf: (node: string) => MemberPlaces;
}

/** An invite is for a friend who sits at the other end of a chat. */
const lifetimeMs = 24 * 3_600_000;
/** Enough that one of them is at home; more make a long text. */
const maxBootstrap = 5;
const maxPending = 64;

export interface Founding {
  readonly name: string;
  readonly cidr: string;
}

/** Ways into a network: to make one, to ask, to invite, to come. */
export class MeshInvites {
  readonly #options: MeshInvitesOptions;

  constructor(options: MeshInvitesOptions) {
    this.#options = options;
  }

  found({ name: networkName, cidr }: Founding): void {
    const { book, name } = this.#options;
    this.#mustBeAlone();
    const raw = publicKeyOf(book.identity.identityKey, "ed25519");
    const genesis: Extract<Statement, { kind: "Genesis" }> = {
      kind: "Genesis",
      ...{ networkName, cidr, name },
      ip: nextFreeAddress(raw, cidr, new Set()) ?? "",
      wireguardKey: publicKeyOf(book.identity.wireguardKey, "x25519").toString("base64url"),
      nonce: randomBytes(32).toString("base64url"),
    };
    const bytes = signStatement(genesis, book.identity.identityKey);
    const opened = openUnconsented(bytes);
    if (typeof opened === "string") throw new HomieError("BadRequest", `the network cannot be made: ${opened}`);
    book.enter({
      network: opened.id,
      epoch: { number: 0, secret: randomBytes(32).toString("base64url") },
      earlier: [],
      statements: [Buffer.from(bytes).toString("base64url")],
    });
  }

  request({ name, renew = false }: { readonly name?: string; readonly renew?: boolean }): JoinRequestReport {
    const { book, joinFile } = this.#options;
    this.#mustBeAlone();
    this.#mustBeFresh();
    const chosen = name ?? this.#options.name;
    const kept = renew ? undefined : joinFile.load();
    const isSame = kept !== undefined && this.#isMine(decodeJoinRequest(kept.request), name);
    const pending = isSame ? kept : this.#ask(chosen);
    if (!isSame) joinFile.save({ request: pending.request, oneTimeKey: pending.oneTimeKey });
    const fingerprint = requestWords(decodeJoinRequest(pending.request));
    return { request: pending.request, fingerprint, name: decodeJoinRequest(pending.request).name, node: book.node };
  }

  preview({ request, name }: { readonly request: string; readonly name?: string }): InvitePreview {
    const { decoded, place } = this.#place(request, name);
    return { name: place.name, assignedIp: place.ip, fingerprint: requestWords(decoded) };
  }

  async invite({ request, name }: { readonly request: string; readonly name?: string }): Promise<Invite> {
    const { book, now } = this.#options;
    const { network, own } = this.#membership();
    const { decoded, place } = this.#place(request, name);
    const admit = this.#admit(decoded, place);
    const raw = Buffer.from(own.identity, "base64url");
    const issued = now().getTime();
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
    const [genesis = new Uint8Array(0), ...chain] = book.proofOf(book.node);
    const bundle = await sealBundle(
      {
        network_name: network.name,
        genesis: text(genesis),
        group_secret: book.epoch?.secret ?? "",
        epoch: book.epoch?.number ?? 0,
        peers: this.#bootstrap(),
        assigned_ip: place.ip,
        invited_by: book.node,
        chain: chain.map(text),
        admit,
        issued_at: issued,
        expires_at: issued + lifetimeMs,
      },
      decoded,
      book.identity.identityKey,
    );
    return {
      ...{ bundle, name: place.name, node: nodeIdOf(decoded.identity), assignedIp: place.ip },
      fingerprint: requestWords(decoded),
      confirmation: fingerprintWords(decoded, raw),
      expires: new Date(issued + lifetimeMs).toISOString(),
    };
  }

  async inspect({ bundle }: { readonly bundle: string }): Promise<JoinPreview> {
    const { opened, request } = await this.#open(bundle);
    const { contents, network, name, inviter } = opened;
    const genesis = openUnconsented(Buffer.from(contents.genesis, "base64url"));
    const cidr = typeof genesis !== "string" && genesis.statement.kind === "Genesis" ? genesis.statement.cidr : "";
    const invitedBy = contents.peers.find(({ public_key: key }) => key === Buffer.from(inviter).toString("base64url"));
    return {
      ...{ network, networkName: contents.network_name, name, cidr, assignedIp: contents.assigned_ip },
      invitedBy: invitedBy?.name ?? contents.invited_by,
      confirmation: fingerprintWords(request, inviter),
      peers: contents.peers.map((peer) => peer.name),
    };
  }

  /** The one-time key is gone afterwards: an invite that is stolen later stays shut. */
  async join({ bundle }: { readonly bundle: string }): Promise<Bundle> {
    const { book, joinFile } = this.#options;
    this.#mustBeAlone();
    const { opened } = await this.#open(bundle);
    const { contents, network } = opened;
    const admit = consentTo(Buffer.from(contents.admit, "base64url"), book.identity.identityKey);
    const statements = [contents.genesis, ...contents.chain, admit.toString("base64url")];
    book.enter({
      network,
      epoch: { number: contents.epoch ?? 0, secret: contents.group_secret },
      earlier: [],
      statements,
      bootstrap: contents.peers,
    });
    joinFile.remove();
    return opened;
  }

  #mustBeFresh(): void {
    if (!this.#options.isSpent()) return;
    const hint = "homie down, then homie up -d: the daemon makes new keys when it starts";
    throw new HomieError("Conflict", "the keys of this machine have left a network: nobody takes them again", { hint });
  }

  #mustBeAlone(): void {
    const { network } = this.#options.book;
    if (network === undefined) return;
    const message = `this machine is in the network ${network.name} (${network.id.slice(0, 12)}) already`;
    throw new HomieError("Conflict", message, { hint: "homie network leave comes first" });
  }

  #isMine({ identity, wireguardKey, name }: JoinRequest, wanted: string | undefined): boolean {
    const { identity: own } = this.#options.book;
    const isSameKey = publicKeyOf(own.identityKey, "ed25519").equals(identity);
    const isSameTunnel = publicKeyOf(own.wireguardKey, "x25519").equals(wireguardKey);
    return isSameKey && isSameTunnel && (wanted === undefined || wanted === name);
  }

  #ask(name: string): { readonly request: string; readonly oneTimeKey: string } {
    try {
      const { text, oneTimeKey } = createJoinRequest(this.#options.book.identity, name);
      return { request: text, oneTimeKey };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new HomieError("BadRequest", `${JSON.stringify(name)} is no name`, {
        hint: "letters a-z, digits and hyphens, at most 63",
      });
    }
  }

  #membership(): { network: NonNullable<MeshBook["network"]>; own: Member; membership: Membership } {
    const { network, own, membership } = this.#options.book;
    if (network === undefined) {
      throw new HomieError("NotFound", "this machine is in no network", { hint: "homie network create NAME" });
    }
    if (own === undefined) {
      throw new HomieError("Forbidden", `this machine is no member of ${network.name} any more`, {
        hint: "homie network leave, then ask a member for a new invite",
      });
    }
    return { network, own, membership };
  }

  #place(
    text: string,
    name: string | undefined,
  ): { readonly decoded: JoinRequest; readonly place: { readonly name: string; readonly ip: string } } {
    const { membership, own } = this.#membership();
    const decoded = decodeJoinRequest(text);
    const known = this.#pendingFor(decoded);
    if (known !== undefined && (name === undefined || name === known.name)) return { decoded, place: known };
    const reserved = this.#withPending(membership, nodeIdOf(decoded.identity));
    const ip = freeAddress(reserved, decoded.identity);
    if (ip === undefined) throw new HomieError("Conflict", "the network has no free address");
    const place = { name: name ?? decoded.name, ip };
    const room = inviterProblem(own, this.#options.book.statements());
    const problem = room ?? inviteProblem(reserved, decoded, place);
    if (problem === undefined) return { decoded, place };
    const help = problem.includes("name ") ? "choose another with --name" : undefined;
    const hint = room === undefined ? help : "a member nearer to the founder can: homie network log shows who that is";
    throw new HomieError(
      "Conflict",
      `${decoded.name} cannot be invited: ${problem}`,
      hint === undefined ? {} : { hint },
    );
  }

  /** Names and addresses of invites on their way are taken, so that two of them do not clash. */
  #withPending(membership: Membership, invited: string): Membership {
    const others = this.expected().filter(({ node }) => node !== invited);
    return { ...membership, members: [...membership.members, ...others] };
  }

  #pending(): readonly { readonly text: string; readonly statement: Extract<Statement, { kind: "Admit" }> }[] {
    const { book } = this.#options;
    return (book.content?.pending ?? []).flatMap((text) => {
      const opened = openUnconsented(Buffer.from(text, "base64url"));
      if (typeof opened === "string" || opened.statement.kind !== "Admit") return [];
      const { statement } = opened;
      const node = nodeIdOf(Buffer.from(statement.subject, "base64url"));
      // Whoever came, or came and went, is not waited for.
      return book.memberOf(node) !== undefined || book.isOut(node) ? [] : [{ text, statement }];
    });
  }

  /** Members to come whose tunnel can be set up already: then they may come to this machine straight away. */
  expected(): readonly Member[] {
    return this.#pending().map(({ statement }) => memberToBe(statement));
  }

  #pendingFor({ hash }: JoinRequest): { readonly name: string; readonly ip: string } | undefined {
    return this.#pending().find(({ statement }) => statement.request === hash)?.statement;
  }

  /** The same request gets the same Admit, so that pasting twice makes no two members. */
  #admit(request: JoinRequest, { name, ip }: { readonly name: string; readonly ip: string }): string {
    const { book } = this.#options;
    const pending = this.#pending();
    const known = pending.find(({ statement }) => statement.request === request.hash && statement.name === name);
    if (known !== undefined) return known.text;
    const subject = Buffer.from(request.identity).toString("base64url");
    const admit = book.sign({
      kind: "Admit",
      subject,
      ...{ name, ip, request: request.hash },
      wireguardKey: Buffer.from(request.wireguardKey).toString("base64url"),
    });
    const text = Buffer.from(admit).toString("base64url");
    // An invite for an earlier request of the same machine is over: it has thrown the key to open it away.
    const others = pending.filter(({ statement }) => statement.subject !== subject);
    book.keepPending([...others.map((each) => each.text), text].slice(-maxPending));
    return text;
  }

  /** The inviter first, then those with a public address. */
  #bootstrap(): readonly BundlePeer[] {
    const { book, placesOf } = this.#options;
    const members = book.membership.members.map((member) => ({ member, places: placesOf(member.node) }));
    const rank = ({ member, places }: (typeof members)[number]): number =>
      (member.node === book.node ? 0 : 2) + (places.isPublic ? 0 : 1);
    return members
      .filter(({ member, places }) => member.node === book.node || places.endpoints.length + places.links.length > 0)
      .toSorted((a, b) => rank(a) - rank(b))
      .slice(0, maxBootstrap)
      .flatMap(({ member: { identity, wireguardKey, ip, name }, places: { endpoints, links } }) => {
        if (ip === undefined) return [];
        const place = { endpoints: endpoints.slice(0, 8), links: links.slice(0, 8) };
        return [{ public_key: identity, wireguard_key: wireguardKey, ip, name, ...place }];
      });
  }

  async #open(text: string): Promise<{ readonly opened: Bundle; readonly request: JoinRequest }> {
    const { joinFile, book, now } = this.#options;
    const pending = joinFile.load();
    if (pending === undefined) {
      throw new HomieError("NotFound", "this machine has asked for no invite", {
        hint: "homie network join prints a join request; send it to a friend, and paste what comes back",
      });
    }
    const request = decodeJoinRequest(pending.request);
    const { network } = book;
    const joined = network === undefined ? {} : { joined: { network: network.id, networkName: network.name } };
    const reader = { request, oneTimeKey: pending.oneTimeKey, nowMs: now().getTime(), ...joined };
    return { opened: await decodeBundle(text, reader), request };
  }
}

/** Whoever has an invite and has not come yet, as the member it is going to be. */
function memberToBe({ subject, name, ip, wireguardKey }: Extract<Statement, { kind: "Admit" }>): Member {
  const node = nodeIdOf(Buffer.from(subject, "base64url"));
  const place = { identity: subject, node, name, ip, wantedIp: ip, wireguardKey };
  return { ...place, depth: 0, chain: [], proofs: [], sequence: 0, lost: [] };
}
