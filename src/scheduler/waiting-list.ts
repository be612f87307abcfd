export interface Waiting {
  readonly name: string;
  readonly priority: number;
  /** RFC 3339; the older goes first among equals. */
  readonly since: string;
}

/**
 * Jobs that wait for a slot on this machine, in the order they will get one: priority, then age, then name.
 * Nobody passes the head, so a large job is not starved by small ones.
 */
export class WaitingList {
  readonly #entries: Waiting[] = [];
  readonly #byName = new Map<string, Waiting>();

  get length(): number {
    return this.#entries.length;
  }

  /** Puts a job in its place, or moves it if its priority has changed. */
  offer(entry: Waiting): void {
    const known = this.#byName.get(entry.name);
    if (known !== undefined && compare(known, entry) === 0) return;
    if (known !== undefined) this.withdraw(entry.name);
    this.#byName.set(entry.name, entry);
    this.#entries.splice(this.#place(entry), 0, entry);
  }

  withdraw(name: string): void {
    const known = this.#byName.get(name);
    if (known === undefined) return;
    this.#byName.delete(name);
    this.#entries.splice(this.#place(known), 1);
  }

  head(): string | undefined {
    return this.#entries[0]?.name;
  }

  /** 0 is next; undefined when the job does not wait. */
  position(name: string): number | undefined {
    const known = this.#byName.get(name);
    return known === undefined ? undefined : this.#place(known);
  }

  /** First index whose entry is not before `entry`. */
  #place(entry: Waiting): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#entries[middle];
      if (other !== undefined && compare(other, entry) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(a: Waiting, b: Waiting): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.since !== b.since) return a.since < b.since ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
