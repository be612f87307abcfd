/** What a value must look like to be taken from another machine. */
export interface TextRule {
  readonly max: number;
  readonly pattern?: RegExp;
}

/**
 * Reads fields of an object that another machine sent. The first field that is not as it has to be is remembered in
 * `problem`, and everything read is worthless then; until that is looked at, readers answer with something harmless.
 */
export class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #at: string;
  #problem: string | undefined;
  readonly #children: FieldReader[] = [];

  constructor(value: unknown, at = "") {
    this.#at = at;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    this.#fields = isObject ? (value as Readonly<Record<string, unknown>>) : {};
    if (!isObject) this.#problem = `${at === "" ? "the message" : at} is no object`;
  }

  /** Which field is wrong and how, or undefined. */
  get problem(): string | undefined {
    return this.#problem ?? this.#children.map(({ problem }) => problem).find((problem) => problem !== undefined);
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined;
  }

  text(name: string, { max, pattern }: TextRule): string {
    const value = this.#fields[name];
    if (typeof value !== "string") return this.#wrong(name, "is no text", "");
    if (Buffer.byteLength(value) > max || !value.isWellFormed()) return this.#wrong(name, "is too long", "");
    if (value.includes("\0") || pattern?.test(value) === false) return this.#wrong(name, "is not of its form", "");
    return value;
  }

  optionalText(name: string, rule: TextRule): string | undefined {
    return this.has(name) ? this.text(name, rule) : undefined;
  }

  /** A finite number from `min` to `max`. */
  number(name: string, min: number, max: number): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !(value >= min && value <= max)) {
      return this.#wrong(name, `is no number from ${min} to ${max}`, min);
    }
    return value;
  }

  whole(name: string, min: number, max: number): number {
    const value = this.number(name, min, max);
    return Number.isInteger(value) ? value : this.#wrong(name, "is no whole number", min);
  }

  optionalWhole(name: string, min: number, max: number): number | undefined {
    return this.has(name) ? this.whole(name, min, max) : undefined;
  }

  flag(name: string): boolean {
    const value = this.#fields[name];
    return typeof value === "boolean" ? value : this.#wrong(name, "is neither true nor false", false);
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const found = choices.find((choice) => choice === this.#fields[name]);
    if (found !== undefined) return found;
    return this.#wrong(name, `is none of ${choices.join(", ")}`, choices[0] as T);
  }

  list(name: string, max: number): readonly unknown[] {
    const value = this.#fields[name];
    if (Array.isArray(value) && value.length <= max) return value;
    return this.#wrong(name, `is no list of at most ${max}`, []);
  }

  texts(name: string, max: number, rule: TextRule): readonly string[] {
    return this.list(name, max).map((value, index) => {
      const item = this.#child({ value }, `${name}[${index}]`);
      return item.text("value", rule);
    });
  }

  object(name: string): FieldReader {
    return this.#child(this.#fields[name], name);
  }

  objects(name: string, max: number): readonly FieldReader[] {
    return this.list(name, max).map((value, index) => this.#child(value, `${name}[${index}]`));
  }

  /** A rule of its own: `wrong` says what is wrong with the field, or nothing. */
  check(name: string, wrong: string | undefined): void {
    if (wrong !== undefined) this.#wrong(name, wrong, undefined);
  }

  #child(value: unknown, name: string): FieldReader {
    const child = new FieldReader(value, this.#path(name));
    this.#children.push(child);
    return child;
  }

  #path(name: string): string {
    return this.#at === "" ? name : `${this.#at}.${name}`;
  }

  #wrong<T>(name: string, what: string, instead: T): T {
    this.#problem ??= `${this.#path(name)} ${what}`;
    return instead;
  }
}
