interface Entry {
  readonly atMs: number;
  /** Of two at one time the earlier written goes first. */
  readonly order: number;
  readonly run: () => void;
}

/** What happens when, in virtual time (a binary heap). */
export class Agenda {
  readonly #heap: Entry[] = [];
  #order = 0;
  nowMs = 0;

  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs: Math.max(atMs, this.nowMs), order: (this.#order += 1), run });
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfSooner(child, parent)) break;
      child = parent;
    }
  }

  /** Runs everything up to that time, or until `isDone`, which is asked every 50 ms. */
  run(untilMs: number, isDone: () => boolean = () => false): void {
    let askMs = this.nowMs;
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      if (next.atMs >= askMs) {
        if (isDone()) return;
        askMs = next.atMs + 50;
      }
      this.#pop();
      this.nowMs = next.atMs;
      next.run();
    }
    this.nowMs = untilMs;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let parent = 0; ;) {
      const [left, right] = [2 * parent + 1, 2 * parent + 2];
      const child = right < heap.length && this.#isSooner(right, left) ? right : left;
      if (child >= heap.length || !this.#swapIfSooner(child, parent)) return;
      parent = child;
    }
  }

  #swapIfSooner(child: number, parent: number): boolean {
    const heap = this.#heap;
    const [lower, upper] = [heap[child], heap[parent]];
    if (lower === undefined || upper === undefined || !this.#isSooner(child, parent)) return false;
    heap[child] = upper;
    heap[parent] = lower;
    return true;
  }

  #isSooner(left: number, right: number): boolean {
    const [a, b] = [this.#heap[left], this.#heap[right]];
    if (a === undefined || b === undefined) return false;
    return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
  }
}
