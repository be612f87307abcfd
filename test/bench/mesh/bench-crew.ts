import { setTimeout as pause } from "node:timers/promises";
import { homePaths } from "../../../src/adapters/home.ts";
import { callApi } from "../../../src/daemon/bench/api.ts";
import type { NetworkPeerReport, NetworkReport } from "../../../src/resources/network-report.ts";
import type { LabHost } from "../../e2e/lab/host.ts";
import { Lab } from "../../e2e/lab/lab.ts";
import type { LanHost } from "../../e2e/lab/lan-host.ts";
import type { NatKind } from "../../e2e/lab/nat.ts";
import { admit, reaches } from "../../e2e/mesh/natted-crew.ts";

/** Longer than anything here takes that ever ends. */
const patienceMs = 120_000;
const houses = { raj: "cone", priya: "cone", alex: "symmetric", nina: "cone" } as const satisfies Record<
  string,
  NatKind
>;
const everybody = ["vivek", "wilma", ...Object.keys(houses)];

/** A network on machines of the lab: vivek and wilma have public addresses, the others are behind NATs. */
export class BenchCrew {
  readonly lab: Lab;
  readonly #up = new Set<string>();

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** vivek has founded the network; homie runs nowhere else. */
  static async open(): Promise<BenchCrew> {
    const lab = await Lab.open();
    const crew = new BenchCrew(lab);
    try {
      await Promise.all([lab.addPublicHost("vivek"), lab.addPublicHost("wilma")]);
      for (const [name, nat] of Object.entries(houses))
        await (await lab.addHouse(`${name}-house`, { nat })).addHost(name);
      for (const { cli } of lab.hosts)
        cli.write(
          "desired/limits.yaml",
          `apiVersion: homie.dev/v1\nkind: Limits\nmetadata: {name: default}\nspec: {runtime: process, allow: {peers: [${everybody.join(", ")}]}}\n`,
        );
      await crew.at("vivek").up();
      await crew.at("vivek").cli.ok(["network", "create", "homelab"]);
      crew.#up.add("vivek");
      return crew;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  at(name: string): LabHost {
    return this.lab.host(name);
  }

  laptop(name: string): LanHost {
    return this.at(name) as LanHost;
  }

  socket(name: string): string {
    return homePaths(this.at(name).directory).socket;
  }

  /** These and vivek are members and online, the others are not. */
  async gather(...names: readonly string[]): Promise<void> {
    for (const name of everybody.filter((each) => each !== "vivek" && !names.includes(each))) await this.dismiss(name);
    for (const name of names.filter((each) => !this.#up.has(each))) {
      await this.at(name).up();
      await admit(this.at("vivek"), this.at(name));
      this.#up.add(name);
    }
    const all = ["vivek", ...names];
    for (const one of all)
      for (const other of all.filter((each) => each !== one)) {
        await this.until(`${one} sees ${other}`, async () => (await this.peerOf(one, other))?.status === "Online");
        await this.pingsBack(one, await this.addressOf(other));
      }
  }

  /** It leaves, and its homie stops: its keys are spent, the next start makes others. */
  async dismiss(name: string): Promise<void> {
    if (!this.#up.delete(name)) return;
    await this.at(name).cli.ok(["network", "leave", "--yes"]);
    await this.at(name).down();
  }

  async report(name: string): Promise<NetworkReport> {
    return (await callApi(this.socket(name), "GET", "/homie/v1/network/report")) as NetworkReport;
  }

  async peerOf(name: string, other: string): Promise<NetworkPeerReport | undefined> {
    return (await this.report(name)).peers.find((peer) => peer.name === other);
  }

  async addressOf(name: string): Promise<string> {
    return (await this.report(name)).you.ip;
  }

  /** Answers how long a ping from `name` takes to come back for the first time, with everything before that. */
  async pingsBack(name: string, address: string): Promise<number> {
    const fromMs = performance.now();
    const loop = 'until ping -n -c 1 -W 0.2 "$1"; do sleep 0.02; done > /run/pings 2>&1';
    await withPatience(`ping from ${name} to ${address}`, this.at(name).run("sh", "-c", loop, "pings", address));
    return performance.now() - fromMs;
  }

  /** Whether pings have come back for so long, one after the other. */
  async staysReached(name: string, address: string, seconds: number): Promise<boolean> {
    for (let count = 0; count < seconds; count += 1) {
      if (!(await reaches(this.at(name), address))) return false;
      await pause(1_000);
    }
    return true;
  }

  async until(what: string, isSo: () => Promise<boolean>, everyMs = 50): Promise<void> {
    for (const endMs = performance.now() + patienceMs; performance.now() < endMs; await pause(everyMs))
      if (await isSo()) return;
    throw new Error(`${what}: not within ${patienceMs / 1_000} s`);
  }

  async close(): Promise<void> {
    await this.lab.close();
  }
}

async function withPatience<T>(what: string, work: Promise<T>): Promise<T> {
  const patience = new AbortController();
  const { signal } = patience;
  try {
    const late = pause(patienceMs, undefined, { signal }).then(() => {
      throw new Error(`${what}: not within ${patienceMs / 1_000} s`);
    });
    // Whoever is first settles it; the other one has nobody to tell.
    late.catch(() => undefined);
    return await Promise.race([work, late]);
  } finally {
    patience.abort();
  }
}
