import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabHost } from "./host.ts";

/** Plain WireGuard on a machine, as one sets it up by hand. */
export class Tunnel {
  readonly host: LabHost;
  readonly address: string;
  readonly publicKey: string;

  private constructor(host: LabHost, address: string, publicKey: string) {
    this.host = host;
    this.address = address;
    this.publicKey = publicKey;
  }

  /** `address` is in 10.99.0.0/24. */
  static async open(host: LabHost, address: string): Promise<Tunnel> {
    const file = join(host.home, "wg0.key");
    writeFileSync(file, await host.run("wg", "genkey"), { mode: 0o600 });
    const publicKey = (await host.run("sh", "-c", 'wg pubkey < "$1"', "sh", file)).trim();
    await host.run("wireguard-go", "wg0");
    await host.run("wg", "set", "wg0", "listen-port", "51820", "private-key", file);
    await host.run("ip", "address", "add", `${address}/24`, "dev", "wg0");
    await host.run("ip", "link", "set", "wg0", "up");
    return new Tunnel(host, address, publicKey);
  }

  /** With an endpoint it speaks first, and goes on. */
  async expect(other: Tunnel, endpoint?: string): Promise<void> {
    const active = endpoint === undefined ? [] : ["endpoint", endpoint, "persistent-keepalive", "25"];
    await this.host.run("wg", "set", "wg0", "peer", other.publicKey, "allowed-ips", `${other.address}/32`, ...active);
  }

  /** Where this one sees the other. */
  async endpointOf(other: Tunnel): Promise<string | undefined> {
    return await this.#show("endpoints", other);
  }

  async hasShakenHandsWith(other: Tunnel): Promise<boolean> {
    return Number(await this.#show("latest-handshakes", other)) > 0;
  }

  async #show(what: string, other: Tunnel): Promise<string | undefined> {
    const rows = (await this.host.run("wg", "show", "wg0", what)).split("\n").map((line) => line.split("\t"));
    return rows.find(([key]) => key === other.publicKey)?.[1];
  }
}
