import type { Crossing, Site } from "./crossing.ts";
import { LabHost, type HostOptions } from "./host.ts";
import type { Wire } from "./wire.ts";

/** A machine with a public address and nothing between it and the internet, as one has it for rent. */
export class PublicHost extends LabHost implements Site {
  readonly crossing: Crossing;
  readonly address: string;
  #wire: Wire | undefined;

  private constructor(seat: PublicSeat, name: string, options: HostOptions) {
    super(name, options);
    this.crossing = seat.crossing;
    this.address = seat.address;
  }

  static async open(seat: PublicSeat, name: string, options: HostOptions): Promise<PublicHost> {
    const host = new PublicHost(seat, name, options);
    await host.powerOn();
    return host;
  }

  get wire(): Wire {
    if (this.#wire === undefined) throw new Error(`${this.name} has no wire yet`);
    return this.#wire;
  }

  outside(): readonly string[] {
    return [this.address];
  }

  async setCable(position: "up" | "down"): Promise<void> {
    await this.wire.setCable(position);
  }

  protected async connect(): Promise<void> {
    const end = { keeper: this.keeper, device: "eth0", address: this.address };
    if (this.#wire === undefined) this.#wire = await this.crossing.attach(this.name, end);
    else await this.#wire.reconnect(end);
  }

  protected async disconnect(): Promise<void> {
    await this.wire.close();
  }
}

export interface PublicSeat {
  readonly crossing: Crossing;
  readonly address: string;
}
