import { recordsOf, type Register } from "./register.ts";
import type { Registers } from "./registers.ts";
import { isIdle, type Outbox } from "./state.ts";
import * as wire from "./wire.ts";

/** Between two messages to one neighbour: half of the frames a peer may send stay for the rest. */
const leastGapMs = 100;
/** Nobody makes this machine send more than 256 kB a second by asking. */
const bytesPerMs = 256;
/** Of each kind in one message, so that records still fit in. */
const maxEntries = 512;

export const emptyOutbox: Outbox = {
  nextMs: -Infinity,
  digest: false,
  buckets: false,
  entries: new Set(),
  haves: new Set(),
  wants: new Set(),
  bodies: new Set(),
};

export interface Emptied {
  readonly message: Buffer | undefined;
  /** With what did not fit. */
  readonly outbox: Outbox;
}

/** One message of everything that waits, as far as it fits; what has vanished meanwhile is passed over. */
export function emptyInto(outbox: Outbox, registers: Registers, nowMs: number): Emptied {
  if (isIdle(outbox) || outbox.nextMs > nowMs) return { message: undefined, outbox };
  const buckets = takeBuckets([...outbox.entries], registers);
  const haves = [...outbox.haves].slice(0, maxEntries);
  const wants = [...outbox.wants].slice(0, maxEntries);
  const sections: Buffer[] = [];
  if (outbox.digest) sections.push(wire.encodeDigest(registers.root()));
  if (outbox.buckets) sections.push(wire.encodeBuckets(registers.buckets.map(({ digest }) => digest)));
  if (wants.length > 0) sections.push(wire.encodeWants(wants));
  if (haves.length > 0) sections.push(wire.encodeHaves(haves.flatMap((key) => registers.get(key)?.entry ?? [])));
  if (buckets.length > 0) {
    const entries = buckets.flatMap((bucket) => registers.buckets[bucket]?.registers ?? []);
    sections.push(
      wire.encodeEntries(
        buckets,
        entries.map(({ entry }) => entry),
      ),
    );
  }
  const used = sections.reduce((sum, section) => sum + section.length, 0);
  const { taken, carried } = takeBodies(outbox.bodies, registers, { room: wire.maxMessageBytes - used - 16, nowMs });
  if (carried.length > 0) sections.push(wire.encodeRecords(carried));
  const message = sections.length === 0 ? undefined : wire.encodeMessage(sections);
  return {
    message,
    outbox: {
      nextMs: message === undefined ? outbox.nextMs : nowMs + Math.max(leastGapMs, message.length / bytesPerMs),
      digest: false,
      buckets: false,
      entries: without(outbox.entries, buckets),
      haves: without(outbox.haves, haves),
      wants: without(outbox.wants, wants),
      bodies: without(outbox.bodies, taken),
    },
  };
}

/** The first ones whose entries fit, at least one. */
function takeBuckets(buckets: readonly number[], registers: Registers): readonly number[] {
  let entries = 0;
  return buckets.filter((bucket, index) => {
    entries += registers.buckets[bucket]?.registers.length ?? 0;
    return index === 0 || entries <= maxEntries;
  });
}

function without<T>(all: ReadonlySet<T>, taken: Iterable<T>): ReadonlySet<T> {
  const rest = new Set(all);
  for (const each of taken) rest.delete(each);
  return rest;
}

interface Room {
  readonly room: number;
  readonly nowMs: number;
}

function takeBodies(
  bodies: ReadonlySet<string>,
  registers: Registers,
  { room, nowMs }: Room,
): { readonly taken: ReadonlySet<string>; readonly carried: readonly Buffer[] } {
  const taken = new Set<string>();
  const carried: Buffer[] = [];
  let left = room;
  for (const key of bodies) {
    const register = registers.get(key);
    const records = register === undefined ? [] : carry(register, nowMs);
    left -= records.reduce((sum, { length }) => sum + length, 0);
    if (left < 0) break;
    taken.add(key);
    carried.push(...records);
  }
  return { taken, carried };
}

function carry(register: Register, nowMs: number): readonly Buffer[] {
  const ageSeconds = Math.max(0, Math.floor((nowMs - register.heardMs) / 1_000));
  return recordsOf(register).map(({ record: { boot, seq }, bytes }) =>
    wire.encodeCarried({ key: register.key, boot, seq, ageSeconds, bytes }),
  );
}
