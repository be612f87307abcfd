import { createRelay, type Relay } from "../../adapters/relay/relay.ts";
import type { RelayOutcome, RelayPort, RelayWanted } from "../../controllers/network/ports.ts";
import type { Logger } from "../../reconciler/types.ts";
import { HomieError } from "../../resources/errors.ts";

export interface MeshRelayOptions {
  readonly interfaceName: () => string;
  readonly log: Logger;
  /** homie has an interface here, or had one when it was interrupted. */
  readonly hasInterface: () => Promise<boolean>;
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
    try {
      await (await this.#current()).remove();
    } catch (error) {
      // Without rights or tools nothing was made either, unless an earlier daemon had them.
      const isUnable = error instanceof HomieError && error.code === "MeshUnavailable";
      if (!isUnable || (await this.#options.hasInterface())) throw error;
    }
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
