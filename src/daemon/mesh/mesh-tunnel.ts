import { createWireGuard, type WireGuard } from "../../adapters/wireguard/wireguard.ts";
import type { WireGuardDump } from "../../adapters/wireguard/parse-dump.ts";
import type { TunnelConfig, TunnelPort } from "../../controllers/network/ports.ts";
import type { Logger } from "../../reconciler/types.ts";
import { rawPrivateKey } from "../../trust/membership/join-request.ts";

export interface MeshTunnelOptions {
  /** `wireguard/` of the home. */
  readonly directory: string;
  /** X25519, PKCS #8 DER, base64. */
  readonly wireguardKey: string;
  /** What the Network object calls the interface. */
  readonly interfaceName: () => string;
  readonly log: Logger;
}

/** The interface of this machine, with its private key: nobody else in the daemon holds it. */
export class MeshTunnel implements TunnelPort {
  readonly #options: MeshTunnelOptions;
  readonly #renewed = new Set<string>();
  #applied: TunnelConfig | undefined;
  #name = "";
  #wireguard: WireGuard | undefined;

  constructor(options: MeshTunnelOptions) {
    this.#options = options;
  }

  async apply(
    config: TunnelConfig,
  ): Promise<{ readonly made: boolean; readonly changes: number; readonly savedHandEdit: boolean }> {
    // Before anything is waited for: whoever removes it meanwhile has the last word.
    this.#applied = config;
    const wireguard = await this.#current();
    const renewed = [...this.#renewed];
    this.#renewed.clear();
    try {
      const { made, actions, savedHandEdit } = await wireguard.apply(this.#whole(config), renewed);
      return { made, changes: actions.length, savedHandEdit };
    } catch (error) {
      for (const key of renewed) this.#renewed.add(key);
      throw error;
    }
  }

  async observe(): Promise<WireGuardDump | undefined> {
    return (await this.#current()).observe();
  }

  async converged(config: TunnelConfig): Promise<boolean> {
    return (await this.#current()).converged(this.#whole(config));
  }

  async isOnRecord(): Promise<boolean> {
    return (await this.#current()).isOnRecord();
  }

  async remove(): Promise<void> {
    this.#applied = undefined;
    await (await this.#current()).remove();
  }

  /** The peer is taken out and put in again: its next handshake waits for no timer of the last one. */
  renew(publicKey: string, when: "now" | "with the next change"): void {
    this.#renewed.add(publicKey);
    if (when === "with the next change" || this.#applied === undefined) return;
    this.apply(this.#applied).catch((error: unknown) => {
      this.#options.log.debug("a peer cannot be taken out and put in again", { error });
    });
  }

  /** The addresses of this machine are others now; without this a socket may go on sending from one that is gone. */
  async rebind(): Promise<void> {
    await this.#wireguard?.rebind();
  }

  #whole(config: TunnelConfig): Parameters<WireGuard["apply"]>[0] {
    return { ...config, privateKey: rawPrivateKey(this.#options.wireguardKey).toString("base64") };
  }

  /** Under another name it is another interface: the one before goes. */
  async #current(): Promise<WireGuard> {
    const name = this.#options.interfaceName();
    if (this.#wireguard !== undefined && this.#name === name) return this.#wireguard;
    await this.#wireguard?.remove();
    this.#name = name;
    this.#wireguard = createWireGuard(this.#options.directory, name);
    return this.#wireguard;
  }
}
