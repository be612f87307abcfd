import { setTimeout as pause } from "node:timers/promises";
import { DelayLine } from "./delay-line.ts";
import type { Keeper } from "./keeper.ts";
import { run, runIp } from "./run.ts";

/** The far end of a wire: an interface that is to have these addresses. */
export interface WireEnd {
  readonly keeper: Keeper;
  readonly device: string;
  /** Its own; more networks are reached by it. */
  readonly address: string;
  readonly networks?: readonly string[];
}

/** How a wire treats what passes, in each direction. Absent is a perfect wire. */
export interface WireConditions {
  readonly delayMs?: number;
  /** Of all packets, from 0 to 1. */
  readonly loss?: number;
  readonly mbit?: number;
}

/** A routed link from a crossing to one site. */
export class Wire {
  readonly port: string;
  readonly #near: Keeper;
  readonly #gateway: string;
  #end: WireEnd;
  #conditions: WireConditions = {};
  #delayLine: DelayLine | undefined;

  private constructor(near: Keeper, gateway: string, name: string, end: WireEnd) {
    this.#near = near;
    this.#gateway = gateway;
    this.#end = end;
    this.port = `to-${name}`;
  }

  static async open(near: Keeper, gateway: string, name: string, end: WireEnd): Promise<Wire> {
    const wire = new Wire(near, gateway, name, end);
    await wire.#connect();
    return wire;
  }

  get conditions(): WireConditions {
    return this.#conditions;
  }

  get end(): WireEnd {
    return this.#end;
  }

  /** What is not named stays as it is. Loss is a matter of the crossing, which has the rules for all its wires. */
  async setConditions(conditions: WireConditions): Promise<void> {
    this.#conditions = { ...this.#conditions, ...conditions };
    await this.#setDelay(this.#conditions.delayMs ?? 0);
    await this.#limit();
  }

  async setCable(position: "up" | "down"): Promise<void> {
    const own = this.#delayLine === undefined ? this.port : this.#held;
    await runIp(this.#near, [`link set ${own} ${position}`, ...(position === "up" ? this.#nearLines() : [])]);
    if (position === "up")
      await Promise.all([waitUntilUp(this.#near, own), waitUntilUp(this.#end.keeper, this.#end.device)]);
    await runIp(this.#end.keeper, ["neighbour flush all"]);
  }

  /** Another end, or another address of it; the conditions stay. */
  async reconnect(end: WireEnd): Promise<void> {
    await this.close();
    this.#end = end;
    await this.#connect();
    await this.setConditions({});
  }

  async close(): Promise<void> {
    await this.#delayLine?.close();
    const held = this.#delayLine !== undefined;
    this.#delayLine = undefined;
    await removeLink(this.#near, held ? this.#held : this.port);
  }

  /** What the wire's own end is called while a delay line has its name. */
  get #held(): string {
    return this.port.replace("to-", "at-");
  }

  async #connect(): Promise<void> {
    const { keeper, device, address } = this.#end;
    const ends = `${this.port} netns ${this.#near.pid} type veth peer name ${device} netns ${keeper.pid}`;
    await runIp(undefined, [`link add ${ends}`]);
    await runIp(this.#near, [`link set ${this.port} up`, ...this.#nearLines()]);
    await runIp(keeper, [
      `address replace ${address}/32 dev ${device}`,
      `link set ${device} up`,
      `route replace default via ${this.#gateway} dev ${device} onlink`,
    ]);
    await Promise.all([waitUntilUp(this.#near, this.port), waitUntilUp(keeper, device)]);
  }

  /** Routes go with a link that is down, so they are made each time it comes up. */
  #nearLines(): readonly string[] {
    const { address, networks = [] } = this.#end;
    return [
      `address replace ${this.#gateway}/32 dev ${this.port}`,
      `route replace ${address}/32 dev ${this.port}`,
      ...networks.map((network) => `route replace ${network} via ${address} dev ${this.port}`),
      "neighbour flush all",
    ];
  }

  async #setDelay(delayMs: number): Promise<void> {
    if (this.#delayLine !== undefined) return this.#delayLine.setDelay(delayMs);
    if (delayMs === 0) return;
    const { port } = this;
    await runIp(this.#near, [
      `link set ${port} down`,
      `address flush dev ${port}`,
      // It must not answer for the gateway itself.
      `link set ${port} name ${this.#held} arp off`,
      `link set ${this.#held} up`,
    ]);
    this.#delayLine = await DelayLine.open(this.#near, this.#held, port, delayMs);
    await runIp(this.#near, [`link set ${port} up`, ...this.#nearLines()]);
    await runIp(this.#end.keeper, ["neighbour flush all"]);
  }

  async #limit(): Promise<void> {
    const { mbit } = this.#conditions;
    if (mbit === undefined) return;
    const bucket = ["root", "tbf", "rate", `${mbit}mbit`, "burst", "64kb", "latency", "100ms"];
    await run(this.#near.inside(["tc", "qdisc", "replace", "dev", this.port, ...bucket]));
    await run(this.#end.keeper.inside(["tc", "qdisc", "replace", "dev", this.#end.device, ...bucket]));
  }
}

/** Removes an interface, which may have gone already with the namespace at its other end. */
export async function removeLink(keeper: Keeper, device: string): Promise<void> {
  await run(keeper.inside(["ip", "link", "delete", device])).catch((error: unknown) => {
    if (!String(error).includes("Cannot find device")) throw error;
  });
}

/** The kernel takes up to a second to notice that a cable is in, and drops what is sent until then. */
export async function waitUntilUp(keeper: Keeper, device: string): Promise<void> {
  const look = keeper.inside(["ip", "-oneline", "link", "show", "dev", device]);
  for (let attempt = 0; attempt < 250; attempt += 1) {
    if ((await run(look)).includes(" state UP ")) return;
    await pause(20);
  }
  throw new Error(`${device} does not come up`);
}
