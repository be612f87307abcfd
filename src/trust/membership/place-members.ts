import { append, type Admit, type Lineage, type Rotate } from "./lineage.ts";
import { memberAddressProblem } from "./mesh-addresses.ts";
import { maxAdmits } from "./statement-fields.ts";

/** A key that is, or was, in the network. */
export interface Place {
  readonly identity: string;
  /** Keys from the founder to who let this one in. */
  readonly chain: readonly string[];
  /** Ids of the Admits and Rotates that lead here, one for each key of the chain. */
  readonly proofs: readonly string[];
  /** How many Admits lie between the founder and this key. */
  readonly depth: number;
  readonly name: string;
  readonly ip: string;
  readonly wireguardKey: string;
  /** Id of the Admit (or Genesis); it decides between two of one depth who want the same name. A Rotate hands it on. */
  readonly rank: string;
}
export interface Refusal {
  /** Id of a statement, or base64url(sha256) of bytes that are none. */
  readonly id: string;
  readonly reason: string;
}
export interface Placement {
  readonly places: ReadonlyMap<string, Place>;
  readonly refused: readonly Refusal[];
}

export const maxDepth = 16;
/** Admits and Rotates together: somebody who rotates a thousand times must cost nobody memory. */
export const maxChain = 64;

/** Walks from the founder outwards, one depth at a time, each in the order of ids: no order of arrival can show. */
export function placeMembers(
  founder: Place,
  edges: readonly (Admit | Rotate)[],
  lineage: Lineage,
  cidr: string,
): Placement {
  return new Placing(edges, lineage, cidr).from(founder);
}

class Placing {
  readonly #places = new Map<string, Place>();
  readonly #refused = new Map<string, string>();
  readonly #admits = new Map<string, Admit[]>();
  readonly #rotates = new Map<string, Rotate[]>();
  readonly #edges: readonly (Admit | Rotate)[];

  constructor(edges: readonly (Admit | Rotate)[], lineage: Lineage, cidr: string) {
    this.#edges = edges.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    for (const edge of this.#edges) {
      const problem =
        edgeProblem(edge, cidr) ?? (lineage.counts(edge) ? undefined : "comes after its author was cut off");
      if (problem !== undefined) this.#refused.set(edge.id, problem);
      else if (isAdmit(edge)) append(this.#admits, edge.issuer, edge);
      else append(this.#rotates, edge.issuer, edge as Rotate);
    }
  }

  from(founder: Place): Placement {
    let level = [founder];
    this.#places.set(founder.identity, founder);
    while (level.length > 0) level = this.#admitFrom(this.#rotateFrom(level));
    for (const { id, issuer } of this.#edges) {
      if (!this.#places.has(issuer)) this.#refuse(id, "its author is no member");
    }
    const refused = [...this.#refused].map(([id, reason]) => ({ id, reason }));
    return { places: this.#places, refused };
  }

  /** The level and all who took the place of somebody in it. */
  #rotateFrom(level: readonly Place[]): readonly Place[] {
    const all = [...level];
    for (let wave = level; wave.length > 0;) {
      const rotates = wave.flatMap((place) => this.#rotatesOf(place));
      wave = this.#placeAll(rotates, (rotate, before) => {
        const { successor: identity, wireguardKey } = rotate.statement;
        return { ...before, identity, wireguardKey, ...extended(before, rotate.id) };
      });
      all.push(...wave);
    }
    return all;
  }

  #rotatesOf({ identity, chain }: Place): readonly Rotate[] {
    const all = this.#rotates.get(identity) ?? [];
    if (chain.length < maxChain) return all;
    for (const { id } of all) this.#refuse(id, `would make a chain of more than ${maxChain} keys`);
    return [];
  }

  #admitFrom(level: readonly Place[]): Place[] {
    const admits = level.flatMap(({ identity, depth }) => this.#admitsOf(identity, depth));
    return this.#placeAll(admits, ({ id, statement }, inviter) => {
      const { subject: identity, name, ip, wireguardKey } = statement;
      return { identity, ...extended(inviter, id), depth: inviter.depth + 1, name, ip, wireguardKey, rank: id };
    });
  }

  #admitsOf(identity: string, depth: number): readonly Admit[] {
    const all = (this.#admits.get(identity) ?? []).toSorted((a, b) => a.statement.seq - b.statement.seq);
    const limit = depth < maxDepth ? maxAdmits : 0;
    const reason =
      limit === 0 ? `would make a chain of more than ${maxDepth}` : `is beyond ${maxAdmits} of one inviter`;
    for (const { id } of all.slice(limit)) this.#refuse(id, reason);
    return all.slice(0, limit);
  }

  /** Of several that name one key the first by id counts. */
  #placeAll<E extends Admit | Rotate>(edges: readonly E[], place: (edge: E, from: Place) => Place): Place[] {
    const placed: Place[] = [];
    for (const edge of edges.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      const from = this.#places.get(edge.issuer);
      if (this.#places.has(partner(edge))) this.#refuse(edge.id, "names a key that has its place already");
      else if (from !== undefined) {
        const next = place(edge, from);
        this.#places.set(next.identity, next);
        placed.push(next);
      }
    }
    return placed;
  }

  #refuse(id: string, reason: string): void {
    if (!this.#refused.has(id)) this.#refused.set(id, reason);
  }
}

function extended(place: Place, proof: string): Pick<Place, "chain" | "proofs"> {
  return { chain: [...place.chain, place.identity], proofs: [...place.proofs, proof] };
}

function edgeProblem(edge: Admit | Rotate, cidr: string): string | undefined {
  if (partner(edge) === edge.issuer) return isAdmit(edge) ? "admits itself" : "rotates to itself";
  if (!isAdmit(edge)) return undefined;
  const problem = memberAddressProblem(edge.statement.ip, cidr);
  return problem === undefined ? undefined : `its ip ${problem}`;
}

function partner({ statement }: Admit | Rotate): string {
  return statement.kind === "Admit" ? statement.subject : statement.successor;
}

function isAdmit(edge: Admit | Rotate): edge is Admit {
  return edge.statement.kind === "Admit";
}
