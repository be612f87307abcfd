import type { SignedRecord } from "../trust/record.ts";
import { isNews } from "./news.ts";
import { emptyInto, emptyOutbox } from "./outbox.ts";
import { createRandom, sample } from "./random.ts";
import { compareVersions, keyOf, mergeRecord, type Register, type Version } from "./register.ts";
import { maxRegisters, type Registers } from "./registers.ts";
import { digestMs } from "./state.ts";
import type { Budget, GossipCounts, GossipOutput, GossipState, GossipStep, Outbox, Wanted } from "./state.ts";

/** The same register is not passed on more often: a machine that changes all the time floods nobody. */
const spreadGapMs = 1_000;
/** News goes in full to so many, the others are told that it is there. */
const eagerPicks = 3;
const askAgainMs = 500;
const maxOthers = 3;

type Changing = { -readonly [K in keyof Outbox]: Outbox[K] extends ReadonlySet<infer T> ? Set<T> : Outbox[K] };

/** One step in the making: copies what it changes, so that the state before stays as it was. */
export class Draft {
  readonly before: GossipState;
  readonly nowMs: number;
  readonly random: () => number;
  readonly outputs: GossipOutput[] = [];
  readonly ownKey: string;
  registers: Registers;
  links: Map<string, Budget>;
  members: ReadonlySet<string>;
  picks: readonly string[];
  digestMs: number;
  intervalMs: number;
  calm: boolean;
  refreshShare: number;
  readonly #outboxes: Map<string, Outbox>;
  readonly #changing = new Map<string, Changing>();
  readonly #wanted: Map<string, Wanted>;
  readonly #held: Map<string, { readonly dueMs: number; readonly urgent: boolean }>;
  #counts: GossipCounts;

  constructor(state: GossipState, nowMs: number, seed: number) {
    this.before = state;
    this.nowMs = nowMs;
    this.random = createRandom(seed);
    this.ownKey = keyOf(state.setup.own);
    ({ registers: this.registers, members: this.members, picks: this.picks } = state);
    ({ digestMs: this.digestMs, intervalMs: this.intervalMs, calm: this.calm, counts: this.#counts } = state);
    this.refreshShare = state.refreshShare;
    this.links = new Map(state.links);
    this.#outboxes = new Map(state.outboxes);
    this.#wanted = new Map(state.wanted);
    this.#held = new Map(state.held);
  }

  count(name: keyof GossipCounts): void {
    this.#counts = { ...this.#counts, [name]: this.#counts[name] + 1 };
  }

  /** What waits for this machine; to be changed in place. */
  outbox(node: string): Changing {
    const known = this.#changing.get(node);
    if (known !== undefined) return known;
    const outbox = this.#outboxes.get(node) ?? emptyOutbox;
    const { entries, haves, wants, bodies } = outbox;
    const sets = { entries: new Set(entries), haves: new Set(haves), wants: new Set(wants), bodies: new Set(bodies) };
    const copy: Changing = { ...outbox, ...sets };
    this.#changing.set(node, copy);
    return copy;
  }

  dropOutbox(node: string): void {
    this.#changing.delete(node);
    this.#outboxes.delete(node);
  }

  /** The neighbour has this version: nothing of it need be told. */
  knows(node: string, key: string): void {
    const outbox = this.#changing.get(node) ?? this.#outboxes.get(node);
    if (outbox === undefined || !(outbox.haves.has(key) || outbox.bodies.has(key))) return;
    const copy = this.outbox(node);
    copy.haves.delete(key);
    copy.bodies.delete(key);
  }

  /** Takes in a checked record; tells and passes on what is new. `from` is absent for this machine's own. */
  learn(signed: SignedRecord, heardMs: number, from?: string): void {
    const key = keyOf(signed.record.node);
    const known = this.registers.get(key);
    const merged = mergeRecord(known, signed, heardMs);
    if (merged === known) return;
    if (known === undefined && this.registers.size >= maxRegisters && !this.#makeRoom(key)) return;
    this.registers = this.registers.with(merged);
    this.#noLongerWants(key, merged.signed.record);
    this.#tell(merged, known, from);
    const urgent = merged.rival !== known?.rival || isNews(known?.signed.record, merged.signed.record);
    if (urgent) this.hurry();
    this.#spread(merged, urgent, from);
  }

  /** Things change: the next digest comes soon. */
  hurry(): void {
    this.calm = false;
    this.digestMs = Math.min(this.digestMs, this.nowMs + digestMs.least * (0.75 + this.random() / 2));
  }

  /** A machine that proved the secret comes before one that is only talked about. */
  hasRoomFor(key: string): boolean {
    return this.registers.size < maxRegisters || key === this.ownKey || this.members.has(key);
  }

  /** Whoever claims the most is not asked first for that: another may be waiting to deliver what there really is. */
  want(from: string, key: string, { boot, seq }: Version): void {
    const wanted = this.#wanted.get(key);
    if (wanted !== undefined) {
      const isFull = wanted.others.includes(from) || wanted.others.length >= maxOthers;
      const others = isFull ? wanted.others : [...wanted.others, from];
      const version = compareVersions(wanted, { boot, seq }) < 0 ? { boot, seq } : {};
      this.#wanted.set(key, { ...wanted, ...version, others });
    } else if (this.#wanted.size < maxRegisters) {
      this.#wanted.set(key, { boot, seq, untilMs: this.nowMs + askAgainMs, others: [] });
      this.outbox(from).wants.add(key);
    }
  }

  /** Asks the next one for what did not come. */
  askAgain(): void {
    for (const [key, wanted] of this.#wanted) {
      if (wanted.untilMs > this.nowMs) continue;
      const [next, ...others] = wanted.others.filter((node) => this.links.has(node));
      if (next === undefined) this.#wanted.delete(key);
      else {
        this.#wanted.set(key, { ...wanted, untilMs: this.nowMs + askAgainMs, others });
        this.outbox(next).wants.add(key);
      }
    }
  }

  releaseHeld(): void {
    for (const [key, { dueMs, urgent }] of this.#held) {
      if (dueMs > this.nowMs) continue;
      this.#held.delete(key);
      const register = this.registers.get(key);
      if (register !== undefined) this.#spread(register, urgent, undefined);
    }
  }

  seal(): GossipStep {
    for (const [node, outbox] of this.#changing) this.#outboxes.set(node, outbox);
    for (const [node, waiting] of this.#outboxes) {
      const { message, outbox } = emptyInto(waiting, this.registers, this.nowMs);
      this.#outboxes.set(node, outbox);
      if (message !== undefined) this.outputs.push({ kind: "send", to: node, message });
    }
    const { registers, links, members, picks, digestMs, intervalMs, calm, refreshShare } = this;
    const maps = { outboxes: this.#outboxes, wanted: this.#wanted, held: this.#held, counts: this.#counts };
    const { setup } = this.before;
    return {
      state: { setup, registers, links, members, picks, digestMs, intervalMs, calm, refreshShare, ...maps },
      outputs: this.outputs,
    };
  }

  #noLongerWants(key: string, version: Version): void {
    const wanted = this.#wanted.get(key);
    if (wanted !== undefined && compareVersions(version, wanted) >= 0) this.#wanted.delete(key);
  }

  #tell({ key, signed, heardMs, contradicted }: Register, known: Register | undefined, from: string | undefined): void {
    if (contradicted && known?.contradicted !== true)
      this.outputs.push({ kind: "contradiction", node: signed.record.node });
    if (from !== undefined && key !== this.ownKey) this.outputs.push({ kind: "learnt", signed, heardMs });
  }

  #spread(register: Register, urgent: boolean, from: string | undefined): void {
    const { key, spread } = register;
    const held = this.#held.get(key);
    // A move right after a refresh need not wait; one right after another move does.
    const dueMs = (urgent ? spread.newsMs : spread.anyMs) + spreadGapMs;
    if (dueMs > this.nowMs) {
      this.#held.set(key, { dueMs, urgent: urgent || held?.urgent === true });
      return;
    }
    this.#held.delete(key);
    this.registers = this.registers.with({
      ...register,
      spread: { anyMs: this.nowMs, newsMs: urgent ? this.nowMs : spread.newsMs },
    });
    const others = this.picks.filter((node) => node !== from);
    const eager = urgent ? sample(others, eagerPicks, this.random) : [];
    for (const node of others) this.outbox(node)[eager.includes(node) ? "bodies" : "haves"].add(key);
  }

  /** Makes way for a machine that proved the secret: the one goes that was heard of longest ago. */
  #makeRoom(key: string): boolean {
    const strangers = this.registers.all().filter((each) => each.key !== this.ownKey && !this.members.has(each.key));
    const oldest = strangers.toSorted((a, b) => a.heardMs - b.heardMs)[0];
    if (oldest === undefined || !this.hasRoomFor(key)) return false;
    this.registers = this.registers.without(oldest.key);
    return true;
  }
}
