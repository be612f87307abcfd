import type { Cut, SignedStatement, Statement } from "./statement.ts";

type Of<K extends Statement["kind"]> = SignedStatement<Extract<Statement, { kind: K }>>;
export type Admit = Of<"Admit">;
export type Rotate = Of<"Rotate">;
type Removal = Of<"Revoke"> | Of<"Leave">;

export interface Gone {
  readonly identity: string;
  readonly how: "Revoked" | "Left" | "Rotated";
  /** Who said so; of several the first in the order of ids. */
  readonly by: string;
}
interface KnownCut extends Cut {
  readonly id: string;
  /** By somebody who has authority over the key, not by the key itself. */
  readonly fromAbove: boolean;
}

/** Of several reasons why a key is out the strongest is told. */
const weight = { Rotated: 0, Left: 1, Revoked: 2 };

/**
 * Who may remove whom, and up to where the words of each key count. Looks at every genuine Admit and Rotate, also at those
 * that count no longer: what was an authorised removal once is one for ever, whatever statement is heard of later.
 */
export class Lineage {
  readonly #founder: string;
  readonly #parents = new Map<string, string[]>();
  readonly #predecessors = new Map<string, string[]>();
  /** Everybody an Admit or Rotate leads to from the founder, whether it counts or not. */
  readonly #known: ReadonlySet<string>;
  readonly #cuts = new Map<string, KnownCut[]>();
  readonly #gone = new Map<string, Gone>();

  constructor(founder: string, edges: readonly (Admit | Rotate)[]) {
    this.#founder = founder;
    const children = new Map<string, string[]>();
    for (const { id, issuer, statement } of edges) {
      const to = statement.kind === "Admit" ? statement.subject : statement.successor;
      if (to === issuer) continue;
      append(children, issuer, to);
      append(this.#parents, to, issuer);
      if (statement.kind !== "Rotate") continue;
      append(this.#predecessors, to, issuer);
      this.#addCut(issuer, id, statement, false);
    }
    this.#known = new Set([founder, ...walk(children, founder)]);
    // Also when the Rotate itself is void, as when a thief signed another one: the old key is worth nothing from then on.
    for (const key of new Set([...this.#predecessors.values()].flat())) {
      if (this.#known.has(key)) this.#gone.set(key, { identity: key, how: "Rotated", by: key });
    }
  }

  get gone(): ReadonlyMap<string, Gone> {
    return this.#gone;
  }

  /** Takes a Revoke or a Leave, or says why it is worth nothing. */
  remove({ id, issuer, statement }: Removal): string | undefined {
    const subject = statement.kind === "Revoke" ? statement.subject : issuer;
    if (!this.#known.has(issuer)) return "its author was never a member";
    if (!this.#hasAuthority(issuer, subject))
      return "its author neither founded the network nor invited whom it revokes";
    this.#addCut(subject, id, statement, subject !== issuer);
    const how = statement.kind === "Revoke" ? "Revoked" : "Left";
    const known = this.#gone.get(subject);
    if (known === undefined || weight[how] > weight[known.how])
      this.#gone.set(subject, { identity: subject, how, by: issuer });
    return undefined;
  }

  /**
   * Whether an Admit or Rotate lies before every cut of its author. What the key itself cut (Leave, Rotate) is overruled by
   * a Revoke from above that does not keep it: so a thief who rotates a stolen key away takes nothing along.
   */
  counts({ id, issuer, statement }: Admit | Rotate): boolean {
    const cuts = this.#cuts.get(issuer) ?? [];
    const above = cuts.filter(({ fromAbove }) => fromAbove);
    const keeps = (cut: KnownCut, name: string): boolean => cut.keeps.includes(name);
    return cuts.every((cut) => {
      if (cut.id === id) return true;
      if (!cut.fromAbove && above.some((higher) => !keeps(higher, cut.id))) return true;
      return statement.seq <= cut.lastGoodSeq && keeps(cut, id);
    });
  }

  #addCut(key: string, id: string, { lastGoodSeq, keeps }: Cut, fromAbove: boolean): void {
    append(this.#cuts, key, { id, lastGoodSeq, keeps, fromAbove });
  }

  /** A key that was rotated to speaks for those it follows. */
  #hasAuthority(issuer: string, subject: string): boolean {
    const voices = [issuer, ...walk(this.#predecessors, issuer)];
    const above = walk(this.#parents, subject);
    return voices.some((key) => key === subject || key === this.#founder || above.has(key));
  }
}

/** Everything `start` leads to; loops end by themselves. */
function walk(next: ReadonlyMap<string, readonly string[]>, start: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const waiting = [start];
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    for (const child of next.get(key) ?? []) {
      if (seen.has(child)) continue;
      seen.add(child);
      waiting.push(child);
    }
  }
  return seen;
}

export function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
