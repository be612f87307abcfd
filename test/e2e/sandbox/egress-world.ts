import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { importBusybox, startPrivateEngine, type TestEngine } from "../../support/engine.ts";
import { House } from "../crew/house.ts";
import { Lan } from "../crew/lan.ts";

const standIn = fileURLToPath(new URL("stand-in.ts", import.meta.url));

/** Where a Job might want to go. Only `internet` is outside; each has a program that says "here". */
export const places = {
  internet: "11.22.33.44",
  neighbour: "10.77.0.2",
  // A local network can have addresses of the internet.
  publicNeighbour: "12.0.0.2",
  router: "10.77.0.254",
  metadata: "169.254.169.254",
  carrier: "100.64.0.9",
  machine: "10.77.0.1",
  machineInMesh: "10.99.0.1",
} as const;

/** A machine with an engine in a local network, and an internet behind its router; all in namespaces of its own. */
export class EgressWorld {
  readonly lan: Lan;
  readonly house: House;
  readonly engine: TestEngine;
  readonly namespace: string;
  readonly #programs: readonly ChildProcess[];

  private constructor(
    parts: Pick<EgressWorld, "lan" | "house" | "engine" | "namespace">,
    programs: readonly ChildProcess[],
  ) {
    this.lan = parts.lan;
    this.house = parts.house;
    this.engine = parts.engine;
    this.namespace = parts.namespace;
    this.#programs = programs;
  }

  static async open(): Promise<EgressWorld> {
    const lan = new Lan("egress");
    await lan.open();
    const namespace = await lan.addHost("machine", places.machine);
    const neighbour = await lan.addHost("neighbour", places.neighbour);
    const internet = await lan.addFarHost("internet", places.internet);
    await lan.inside(namespace, ["ip", "address", "add", "12.0.0.1/24", "dev", "eth0"]);
    await lan.inside(neighbour, ["ip", "address", "add", `${places.publicNeighbour}/24`, "dev", "eth0"]);
    // The way back of what is not translated, so that nothing but the filter keeps a Job from its neighbours.
    for (const each of [neighbour, lan.middle])
      await lan.inside(each, ["ip", "route", "add", "172.16.0.0/12", "via", places.machine]);
    for (const address of [places.metadata, places.carrier])
      await lan.inside(lan.middle, ["ip", "address", "add", `${address}/32`, "dev", "br0"]);
    await lan.inside(namespace, ["ip", "link", "add", "homie0", "type", "bridge"]);
    await lan.inside(namespace, ["ip", "address", "add", `${places.machineInMesh}/16`, "dev", "homie0"]);
    await lan.inside(namespace, ["ip", "link", "set", "homie0", "up"]);
    const programs = await Promise.all(
      [namespace, neighbour, internet, lan.middle].map((each) => startStandIn(lan, each)),
    );
    // `ip netns exec` shows this file as /etc/resolv.conf.
    mkdirSync(`/etc/netns/${namespace}`, { recursive: true });
    writeFileSync(`/etc/netns/${namespace}/resolv.conf`, `nameserver ${places.neighbour}\n`);
    const engine = await startPrivateEngine(namespace);
    const world = new EgressWorld(
      { lan, house: new MachineHouse(engine.host, namespace), engine, namespace },
      programs,
    );
    try {
      await importBusybox(engine.docker);
      await world.house.up();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.house.close();
    await this.engine.stop();
    for (const program of this.#programs) program.kill();
    rmSync(`/etc/netns/${this.namespace}`, { recursive: true, force: true });
    await this.lan.close();
  }

  async apply(name: string, program: string, more: object = {}): Promise<void> {
    const spec = { image: this.engine.image, command: ["sh", "-c", program], network: "egress", ...more };
    const resources = { cpu: 0.1, memory: "64Mi", disk: "64Mi" };
    const job = { apiVersion: "homie.dev/v1", kind: "Job", metadata: { name }, spec: { resources, ...spec } };
    await this.house.ok(["apply", "-f", "-"], { input: JSON.stringify(job) });
  }

  async output(name: string): Promise<string> {
    await this.house.ok(["wait", `job/${name}`, "--for=finished", "--timeout=90s"]);
    return this.house.ok(["logs", `job/${name}`, "--stdout"]);
  }

  /** Address of a Job that runs. */
  async addressOf(job: string): Promise<string | undefined> {
    const [container] = await this.engine.docker.listContainers({ filters: { label: [`homie.job=${job}`] } });
    return Object.values(container?.NetworkSettings.Networks ?? {})[0]?.IPAddress;
  }
}

class MachineHouse extends House {
  readonly #engineHost: string;

  constructor(engineHost: string, namespace: string) {
    super("machine", {}, namespace);
    this.#engineHost = engineHost;
  }

  protected override get dockerHost(): string {
    return this.#engineHost;
  }
}

async function startStandIn(lan: Lan, namespace: string): Promise<ChildProcess> {
  const program = lan.spawn(namespace, [process.execPath, standIn, places.internet]);
  if (program.stdout === null) throw new Error("no stdout");
  await once(program.stdout, "data");
  return program;
}

/** A shell program that prints each place's name and what came from there: "here", or nothing. */
export function tryAll(more: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ ...places, ...more }).flatMap(([name, address]) => [
    `echo "${name} tcp $(nc -w 2 ${address} 8080 </dev/null 2>/dev/null)"`,
    `echo "${name} udp $(timeout 2 nslookup friend.example ${address} 2>/dev/null | grep -q 11.22.33.44 && echo here)"`,
  ]);
  const ask = "nslookup friend.example 2>/dev/null | grep -q 11.22.33.44 && echo here && break";
  return [...lines, `echo "name $(for i in 1 2 3; do ${ask}; done)"`].join("; ");
}
