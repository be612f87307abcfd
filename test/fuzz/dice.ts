/** Random numbers that follow from a seed: an input can be made again from three words. */
export class Dice {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  /** Words such as the seed, the target and the number of the input. */
  constructor(...words: readonly (string | number)[]) {
    const text = words.join("\0");
    this.#a = fnv(text, 0x811c9dc5);
    this.#b = fnv(text, 0x01234567);
    this.#c = fnv(text, 0x89abcdef);
    for (let turn = 0; turn < 12; turn += 1) this.word();
  }

  /** 32 bits (sfc32, http://pracrand.sourceforge.net). */
  word(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 up to, but not, `below`. */
  below(below: number): number {
    return below <= 1 ? 0 : this.word() % below;
  }

  /** Small ones are as likely as large ones. */
  size(most: number): number {
    return this.below(1 + this.below(1 + this.below(most + 1)));
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

function fnv(text: string, basis: number): number {
  let sum = basis;
  for (let at = 0; at < text.length; at += 1) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193);
  return sum | 0;
}
