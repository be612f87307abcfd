import { createHash } from "node:crypto";
import type { Register } from "./register.ts";

/** Part of all registers, by the first bits of the key; small enough to be told entry by entry. */
export class Bucket {
  /** By key, ascending. */
  readonly registers: readonly Register[];
  #digest: Buffer | undefined;

  constructor(registers: readonly Register[]) {
    this.registers = registers;
  }

  /** Equal exactly when the entries are. Worked out when first asked for: most buckets change again before that. */
  get digest(): Buffer {
    if (this.#digest !== undefined) return this.#digest;
    const hash = createHash("sha256");
    for (const { entry } of this.registers) hash.update(entry);
    this.#digest = hash.digest().subarray(0, digestBytes);
    return this.#digest;
  }
}

export const bucketCount = 64;
export const digestBytes = 6;
/** Whoever invents machines fills no memory. */
export const maxRegisters = 1_024;

export function bucketOf(key: string): number {
  return Number.parseInt(key.slice(0, 2), 16) >> 2;
}

/** All registers of a machine; a change makes a new one that shares what did not change. */
export class Registers {
  readonly buckets: readonly Bucket[];
  readonly size: number;

  private constructor(buckets: readonly Bucket[], size: number) {
    this.buckets = buckets;
    this.size = size;
  }

  static empty(): Registers {
    return new Registers(Array<Bucket>(bucketCount).fill(new Bucket([])), 0);
  }

  get(key: string): Register | undefined {
    return this.buckets[bucketOf(key)]?.registers.find((register) => register.key === key);
  }

  all(): readonly Register[] {
    return this.buckets.flatMap(({ registers }) => registers);
  }

  with(register: Register): Registers {
    return this.#replace(register.key, [register]);
  }

  without(key: string): Registers {
    return this.#replace(key, []);
  }

  root(): Buffer {
    const hash = createHash("sha256");
    for (const { digest } of this.buckets) hash.update(digest);
    return hash.digest().subarray(0, digestBytes);
  }

  #replace(key: string, by: readonly Register[]): Registers {
    const index = bucketOf(key);
    const before = this.buckets[index]?.registers ?? [];
    const others = before.filter((register) => register.key !== key);
    const after = [...others, ...by].toSorted((a, b) => (a.key < b.key ? -1 : 1));
    return new Registers(this.buckets.with(index, new Bucket(after)), this.size + after.length - before.length);
  }
}
