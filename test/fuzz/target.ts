import fc from "fast-check";
import { HomieError, type ErrorCode } from "../../src/resources/errors.ts";
import type { Dice } from "./dice.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { mutateJson } from "./mutate-json.ts";

/** What became of an input: how deep the fuzzer gets is seen by how much is accepted. */
export type Verdict = "accepted" | "refused";
/** Makes one input; the same dice make the same one. */
export type Source = (dice: Dice) => Uint8Array;

export interface FuzzTarget {
  readonly name: string;
  /** Inputs of a round: what is checked quickly is given more. */
  readonly share: number;
  /** One of them is chosen for each input. */
  readonly sources: readonly Source[];
  /** Throws whatever is thrown by what is tested, and Broken where it answers what it must not. */
  readonly check: (input: Uint8Array) => Verdict | Promise<Verdict>;
  /** Of the processor, for one input; 1 s unless said otherwise. */
  readonly maxCpuMs?: number;
}

/** An answer that must not be given. */
export class Broken extends Error {
  override readonly name = "Broken";
}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Broken(what);
}

/** Sound inputs with bytes changed; `mend` makes sums and signatures right again where a liar would. */
export function mutants(corpus: readonly Uint8Array[], mend?: (bytes: Buffer, dice: Dice) => Uint8Array): Source {
  return (dice) => {
    const bytes = mutateBytes(dice, corpus);
    return mend !== undefined && dice.chance(75) ? mend(bytes, dice) : bytes;
  };
}

/** Sound values with fields changed, as JSON. */
export function jsonMutants(values: readonly unknown[], wrap: (json: Buffer) => Uint8Array = (json) => json): Source {
  return (dice) => {
    const text = JSON.stringify(mutateJson(dice.pick(values), dice)) as string | undefined;
    return wrap(Buffer.from(text ?? ""));
  };
}

/** Inputs after a grammar. */
export function made(arbitrary: fc.Arbitrary<Uint8Array>): Source {
  return (dice) => {
    const [input = new Uint8Array()] = fc.sample(arbitrary, { seed: dice.word() | 0, numRuns: 1 });
    return input;
  };
}

/** Runs what may refuse with these codes; everything else it throws is a find. */
export async function refusable(codes: readonly ErrorCode[], run: () => void | Promise<void>): Promise<Verdict> {
  try {
    await run();
    return "accepted";
  } catch (error) {
    if (!(error instanceof HomieError) || !codes.includes(error.code)) throw error;
    mustBeSayable(error.message);
    return "refused";
  }
}

/** What is said of hostile input reaches terminals and logs. */
export function mustBeSayable(message: string): void {
  must(message !== "" && message.length <= 4_096, `a message of ${message.length} characters`);
  must(
    !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(message),
    "a message holds control characters",
  );
}

/** Several byte strings as one input, and back; damaged lengths are read as far as there are bytes. */
export function pack(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [Buffer.from([part.length >> 8, part.length & 0xff]), part]));
}

export function unpack(bytes: Uint8Array): readonly Buffer[] {
  const parts: Buffer[] = [];
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 2 <= all.length;) {
    const end = at + 2 + all.readUInt16BE(at);
    parts.push(all.subarray(at + 2, end));
    at = end;
  }
  return parts;
}

export const dnsLabel: RegExp = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
