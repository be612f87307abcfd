import type { SignedRecord } from "../trust/record.ts";
import type { Draft } from "./draft.ts";
import { compareVersions, fingerprintOf, keyOf, recordsOf, type Register } from "./register.ts";
import { bucketCount, type Registers } from "./registers.ts";
import { decodeMessage, type Carried, type Entry, type Section } from "./wire.ts";

/** Up to so many members a digest that differs is answered with every entry at once. */
const smallCrew = 32;
/** Checks of signatures that a neighbour may cause at once: those of a whole crew. */
export const fullBudget = 1_024;
const checks = { burst: fullBudget, perSecond: 100 };
const maxAgeSeconds = 30 * 24 * 3_600;

/** Takes in a message of a linked machine, hostile or not. */
export function receive(draft: Draft, from: string, message: Uint8Array): void {
  if (!draft.links.has(from)) return;
  const { sections, sound } = decodeMessage(message);
  if (!sound) draft.count("garbage");
  for (const section of sections) takeSection(draft, from, section);
}

function takeSection(draft: Draft, from: string, section: Section): void {
  switch (section.kind) {
    case "digest":
      return answerDigest(draft, from, section.root);
    case "buckets":
      for (const bucket of differing(draft.registers, section.digests)) draft.outbox(from).entries.add(bucket);
      return;
    case "entries":
      for (const entry of section.entries) compareEntry(draft, from, entry);
      return tellMissing(draft, from, section.buckets, section.entries);
    case "haves":
      for (const entry of section.entries) compareEntry(draft, from, entry);
      return;
    case "wants":
      for (const key of section.keys) if (draft.registers.get(key) !== undefined) draft.outbox(from).bodies.add(key);
      return;
    case "records":
      for (const carried of section.records) if (!takeRecord(draft, from, carried)) return;
      return;
  }
}

function answerDigest(draft: Draft, from: string, root: Buffer): void {
  const { registers } = draft;
  if (registers.root().equals(root)) return;
  const outbox = draft.outbox(from);
  if (registers.size > smallCrew) outbox.buckets = true;
  else for (let bucket = 0; bucket < bucketCount; bucket += 1) outbox.entries.add(bucket);
}

function differing({ buckets }: Registers, digests: readonly Buffer[]): readonly number[] {
  return digests.flatMap((digest, index) => (buckets[index]?.digest.equals(digest) === true ? [] : [index]));
}

function compareEntry(draft: Draft, from: string, entry: Entry): void {
  const known = draft.registers.get(entry.key);
  if (known === undefined) {
    if (draft.hasRoomFor(entry.key)) draft.want(from, entry.key, entry);
    else draft.count("crowded");
    return;
  }
  const difference = compareVersions(entry, known.signed.record);
  if (difference > 0) return draft.want(from, entry.key, entry);
  if (difference === 0 && entry.fingerprint === fingerprintOf(known)) return draft.knows(from, entry.key);
  // The same number over other bytes: each side shows the other what it has.
  if (difference === 0) draft.want(from, entry.key, entry);
  draft.outbox(from).bodies.add(entry.key);
}

function tellMissing(draft: Draft, from: string, buckets: readonly number[], entries: readonly Entry[]): void {
  const told = new Set(entries.map(({ key }) => key));
  const ours = buckets.flatMap((bucket) => draft.registers.buckets[bucket]?.registers ?? []);
  for (const { key } of ours) if (!told.has(key)) draft.outbox(from).bodies.add(key);
}

/** False: the rest of the message is not worth a look. */
function takeRecord(draft: Draft, from: string, carried: Carried): boolean {
  const known = draft.registers.get(carried.key);
  const difference = known === undefined ? 1 : compareVersions(carried, known.signed.record);
  if (difference < 0) {
    draft.count("stale");
    draft.outbox(from).haves.add(carried.key);
    return true;
  }
  if (difference === 0 && isHeld(known, carried)) {
    draft.count("doubled");
    draft.knows(from, carried.key);
    return true;
  }
  if (known === undefined && !draft.hasRoomFor(carried.key)) {
    draft.count("crowded");
    return true;
  }
  return takeUnknown(draft, from, carried);
}

function takeUnknown(draft: Draft, from: string, carried: Carried): boolean {
  if (!takeCheck(draft, from)) {
    draft.count("overRate");
    return false;
  }
  const signed = openCarried(draft, carried);
  if (signed === undefined) {
    draft.count("forged");
    return false;
  }
  draft.learn(signed, draft.nowMs - Math.min(carried.ageSeconds, maxAgeSeconds) * 1_000, from);
  draft.knows(from, carried.key);
  if (carried.key === draft.ownKey) draft.outputs.push({ kind: "outrun", bytes: signed.bytes });
  return true;
}

/** Undefined unless it is what its bearer says, and the owner of the key is who it was. */
function openCarried({ before, registers }: Draft, carried: Carried): SignedRecord | undefined {
  // A copy: the record stays for long, the message around it must not.
  const signed = before.setup.open(Uint8Array.from(carried.bytes));
  if (signed === undefined || compareVersions(signed.record, carried) !== 0) return undefined;
  const { node } = signed.record;
  const holder =
    carried.key === keyOf(before.setup.own) ? before.setup.own : registers.get(carried.key)?.signed.record.node;
  return keyOf(node) === carried.key && (holder ?? node) === node ? signed : undefined;
}

function isHeld(known: Register | undefined, { bytes }: Carried): boolean {
  return known !== undefined && recordsOf(known).some((signed) => Buffer.compare(signed.bytes, bytes) === 0);
}

function takeCheck(draft: Draft, from: string): boolean {
  const budget = draft.links.get(from) ?? { checks: 0, atMs: draft.nowMs };
  const gained = ((draft.nowMs - budget.atMs) / 1_000) * checks.perSecond;
  const left = Math.min(checks.burst, budget.checks + gained) - 1;
  if (left < 0) return false;
  draft.links.set(from, { checks: left, atMs: draft.nowMs });
  return true;
}
