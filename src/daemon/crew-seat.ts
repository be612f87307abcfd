import type { Crew } from "./crew.ts";

/** The crew this machine is in right now: none, one that shares a secret, or a mesh. It changes while the daemon runs. */
export class CrewSeat {
  readonly #enter: () => Promise<Crew | undefined>;
  #crew: Crew | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isOpen = true;

  constructor(enter: () => Promise<Crew | undefined>) {
    this.#enter = enter;
  }

  get crew(): Crew | undefined {
    return this.#crew;
  }

  /** Leaves the crew there is and enters the one there is to be. */
  settle(): Promise<void> {
    const turn = this.#turn.then(async () => {
      const before = this.#crew;
      this.#crew = undefined;
      await before?.stop();
      if (this.#isOpen) this.#crew = await this.#enter();
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#turn;
    await this.#crew?.stop();
  }
}
