import { LabHost, type HostOptions } from "./host.ts";
import type { Keeper } from "./keeper.ts";
import { runIp } from "./run.ts";
import { waitUntilUp } from "./wire.ts";

/** Where a machine can be plugged in. */
export interface LanSwitch {
  readonly keeper: Keeper;
  /** An address that nobody has had here, with its prefix, for the next one who plugs in. */
  takeAddress(): { readonly address: string; readonly gateway: string };
  /** Brings a cable to eth0, or the cable it has, from a port elsewhere. Answers the new port. */
  plug(host: Keeper, origin?: { readonly keeper: Keeper; readonly port: string }): Promise<string>;
  unplug(port: string): Promise<void>;
}

/** A machine in a house. */
export class LanHost extends LabHost {
  #house: LanSwitch;
  #port = "";
  #seat: ReturnType<LanSwitch["takeAddress"]>;

  private constructor(house: LanSwitch, name: string, options: HostOptions) {
    super(name, options);
    this.#house = house;
    this.#seat = house.takeAddress();
  }

  static async open(house: LanSwitch, name: string, options: HostOptions): Promise<LanHost> {
    const host = new LanHost(house, name, options);
    await host.powerOn();
    return host;
  }

  get address(): string {
    return this.#seat.address.replace(/\/.*/, "");
  }

  /** Into the network of another house, as a laptop is carried there: eth0 stays, its address changes. */
  async roam(house: LanSwitch): Promise<void> {
    const origin = { keeper: this.#house.keeper, port: this.#port };
    this.#seat = house.takeAddress();
    this.#port = await house.plug(this.keeper, origin);
    this.#house = house;
    await this.#configure();
  }

  async setCable(position: "up" | "down"): Promise<void> {
    await runIp(this.#house.keeper, [`link set ${this.#port} ${position}`]);
    if (position === "down") return;
    await Promise.all([waitUntilUp(this.#house.keeper, this.#port), waitUntilUp(this.keeper, "eth0")]);
    await runIp(this.keeper, ["neighbour flush all"]);
  }

  protected async connect(): Promise<void> {
    this.#port = await this.#house.plug(this.keeper);
    await this.#configure();
  }

  protected async disconnect(): Promise<void> {
    await this.#house.unplug(this.#port);
  }

  async #configure(): Promise<void> {
    const { address, gateway } = this.#seat;
    await runIp(this.keeper, [
      "address flush dev eth0 scope global",
      `address add ${address} brd + dev eth0`,
      `route replace default via ${gateway} dev eth0`,
      "neighbour flush all",
    ]);
  }
}
