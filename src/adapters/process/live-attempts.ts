import type { ChildProcess } from "node:child_process";
import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import type { ProcessIdentity } from "./process-identity.ts";
import { isAlive } from "./process-identity.ts";

interface Watched {
  readonly supervisor: ProcessIdentity;
  readonly watcher: FSWatcher | undefined;
}

/** Notices when running attempts end: by their record changing, or by their supervisor going away without a word. */
export class LiveAttempts {
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new Set<(name: string | undefined) => void>();
  #timer: NodeJS.Timeout | undefined;

  listen(onChange: (name: string | undefined) => void): Disposable {
    this.#listeners.add(onChange);
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(onChange);
        if (this.#listeners.size === 0) this.#forgetAll();
      },
    };
  }

  /** Watches an attempt until it is forgotten; its record lies in `directory`. Nothing to do when nobody listens. */
  add(name: string, directory: string, supervisor: ProcessIdentity): void {
    if (this.#watched.has(name) || this.#listeners.size === 0) return;
    this.#watched.set(name, { supervisor, watcher: this.#watchDirectory(name, directory) });
    // A supervisor that is killed outright writes nothing, and an event can get lost.
    this.#timer ??= setInterval(() => this.#poll(), pollMs).unref();
  }

  /** A supervisor this process started itself: its end is told by the operating system. */
  follow(name: string, supervisor: ChildProcess): void {
    supervisor.once("exit", () => this.notify(name));
  }

  forget(name: string): void {
    this.#watched.get(name)?.watcher?.close();
    this.#watched.delete(name);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  notify(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }

  #watchDirectory(name: string, directory: string): FSWatcher | undefined {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, file) => {
        if (file === null || file === "record.json") this.notify(name);
      });
      watcher.on("error", () => watcher.close());
      return watcher;
    } catch {
      // No watches left, or just removed: the poll finds it.
      return undefined;
    }
  }

  #poll(): void {
    for (const [name, { supervisor }] of this.#watched) if (!isAlive(supervisor)) this.notify(name);
  }

  #forgetAll(): void {
    for (const name of this.#watched.keys()) this.forget(name);
  }
}

const pollMs = 1000;
