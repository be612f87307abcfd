import { createRelay, type Relay } from "../../adapters/relay/relay.ts";
import type { RelayOutcome, RelayPort, RelayWanted } from "../../controllers/network/ports.ts";
import type { Logger } from "../../reconciler/types.ts";

export interface MeshRelayOptions {
  readonly interfaceName: () => string;
  readonly log: Logger;
  /** Whether packets pass through this machine has changed. */
  readonly onChange: () => void;
}

/** Forwarding between members on the interface of the mesh, and what became of it last. */
export class MeshRelay implements RelayPort {
  readonly #options: MeshRelayOptions;
  #name = "";
  #relay: Relay | undefined;
  #outcome: RelayOutcome = { active: false };

  constructor(options: MeshRelayOptions) {
    this.#options = options;
  }

  get outcome(): RelayOutcome {
    return this.#outcome;
  }

  async apply(wanted: RelayWanted): Promise<RelayOutcome> {
    const outcome = await (await this.#current()).apply(wanted);
    this.#tell(outcome);
    return outcome;
  }

  async remove(): Promise<void> {
    await (await this.#current()).remove();
    this.#tell({ active: false });
  }

  #tell(outcome: RelayOutcome): void {
    const isOther = outcome.active !== this.#outcome.active;
    this.#outcome = outcome;
    if (isOther) this.#options.onChange();
  }

  async #current(): Promise<Relay> {
    const { interfaceName, log } = this.#options;
    const name = interfaceName();
    if (this.#relay !== undefined && this.#name === name) return this.#relay;
    await this.#relay?.remove();
    this.#name = name;
    this.#relay = createRelay({ interface: name, log });
    return this.#relay;
  }
}
