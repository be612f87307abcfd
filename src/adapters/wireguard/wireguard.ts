import { createSocket } from "node:dgram";
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import { createOneAtATime } from "../docker/one-at-a-time.ts";
import { removeLeftovers, temporaryPrefix } from "../files/atomic-write.ts";
import { isWritten, removeConf, writeConf } from "./conf-file.ts";
import { checkConfig, type WireGuardConfig } from "./config.ts";
import { readRecord, removeRecord, writeRecord } from "./interface-record.ts";
import { derivePublicKey } from "./keys.ts";
import { applyRoutes, planRoutes, readRoutes, routesFor } from "./host-routes.ts";
import { applyLink, type Link, planLink, readLink } from "./link.ts";
import { parseDump, type WireGuardDump } from "./parse-dump.ts";
import { planChanges, planRenewal, type WireGuardAction } from "./plan-changes.ts";
import { askTool, runTool, toolError } from "./run-tool.ts";
import { endUserSpace, startUserSpace } from "./user-space.ts";
import { renderWgArguments } from "./wg-arguments.ts";

export interface WireGuardChanges {
  /** The interface was not there. */
  readonly made: boolean;
  /** What was changed in it; none when all was as configured. */
  readonly actions: readonly WireGuardAction[];
  readonly savedHandEdit: boolean;
}

/** One WireGuard interface. Its calls run one after the other. Everything throws HomieError. */
export interface WireGuard {
  /**
   * Makes the interface if it is not there, and changes what differs; sessions of peers that stay go on. Those in `renewed`
   * (public keys) are taken out and put in again in one go: their sessions and timers are gone.
   */
  apply(config: WireGuardConfig, renewed?: readonly string[]): Promise<WireGuardChanges>;
  /** Whether `apply` would change nothing. */
  converged(config: WireGuardConfig): Promise<boolean>;
  /** The machine has other addresses now: the socket is bound anew, and no packet leaves with an old one. Sessions go on. */
  rebind(): Promise<void>;
  /** Undefined where there is no such interface. */
  observe(): Promise<WireGuardDump | undefined>;
  /** homie made or took over an interface since the machine started, and has not removed it. */
  isOnRecord(): Promise<boolean>;
  /** Removes interface, process and file; an interface of somebody else stays, as does FILE.orig. */
  remove(): Promise<void>;
}

/** `directory` is `wireguard/` of the home. */
export function createWireGuard(directory: string, name = "homie0"): WireGuard {
  if (!/^[a-z][a-z0-9]{0,14}$/.test(name)) {
    throw new HomieError("InvalidResource", `no interface can have the name ${JSON.stringify(name.slice(0, 32))}`);
  }
  const wireguard = new WireGuardInterface(directory, name);
  const turns = createOneAtATime();
  return {
    apply: (config, renewed = []) => turns.run(name, () => wireguard.apply(config, new Set(renewed))),
    converged: (config) => turns.run(name, () => wireguard.converged(config)),
    rebind: () => turns.run(name, () => wireguard.rebind()),
    observe: () => turns.run(name, () => wireguard.observe()),
    isOnRecord: () => turns.run(name, () => Promise.resolve(wireguard.isOnRecord())),
    remove: () => turns.run(name, () => wireguard.remove()),
  };
}

class WireGuardInterface {
  readonly #name: string;
  readonly #directory: string;
  readonly #conf: string;
  readonly #record: string;
  /** What was applied last by this process. */
  #previous: WireGuardConfig | undefined;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
    this.#conf = join(directory, `${name}.conf`);
    this.#record = join(directory, `${name}.json`);
  }

  async apply(wanted: WireGuardConfig, renewed: ReadonlySet<string>): Promise<WireGuardChanges> {
    const config = checkConfig(wanted);
    if (this.#previous === undefined) removeLeftovers(this.#directory);
    // Before anything that needs rights, as the file is what a person without them is told to use.
    const { savedHandEdit } = writeConf(this.#conf, config);
    const made = await this.#ensureLink(derivePublicKey(config.privateKey));
    try {
      return { made, actions: await this.#converge(config, renewed), savedHandEdit };
    } catch (error) {
      // Half a tunnel helps nobody; one that was there before stays.
      if (made) await this.#removeLink();
      throw error;
    }
  }

  async converged(wanted: WireGuardConfig): Promise<boolean> {
    const config = checkConfig(wanted);
    if (!isWritten(this.#conf, config)) return false;
    const link = await readLink(this.#name, this.#fix());
    const dump = link === undefined ? undefined : await this.observe();
    if (link === undefined || dump === undefined) return false;
    if (planLink(this.#name, config, link).length > 0) return false;
    if (planChanges(config, dump, this.#previous).length > 0) return false;
    const present = await readRoutes(this.#name, this.#fixPresent());
    return planRoutes(this.#name, routesFor(config.peers), present).length === 0;
  }

  async rebind(): Promise<void> {
    const dump = await this.observe();
    if (dump === undefined) return;
    // The same port again makes wireguard-go forget the address it sent from, which it keeps even when sending fails
    // (conn_linux.go, send4). The kernel's WireGuard looks at each packet whether it still has it, and changes nothing here.
    await runTool("wg", ["set", this.#name, "listen-port", String(dump.listenPort)], this.#fixPresent());
  }

  async #converge(config: WireGuardConfig, renewed: ReadonlySet<string>): Promise<readonly WireGuardAction[]> {
    const found = await this.observe();
    if (found === undefined)
      throw new HomieError("ProcessFailed", `interface ${this.#name} vanished while it was set up`);
    const actions = planRenewal(config, found, { renewed, previous: this.#previous });
    if (actions.some((action) => action.kind === "set-listen-port")) await requireFreePort(config.listenPort);
    await this.#execute(actions, config.privateKey);
    await applyLink(this.#name, config, this.#fixPresent());
    await applyRoutes(this.#name, routesFor(config.peers), this.#fixPresent());
    this.#previous = config;
    return actions;
  }

  async observe(): Promise<WireGuardDump | undefined> {
    const answer = await askTool("wg", ["show", this.#name, "dump"]);
    if (answer.ok) return parseDump(answer.stdout);
    if (/no such device|protocol not supported/i.test(answer.words)) return undefined;
    throw toolError("wg", answer.words, this.#fixPresent());
  }

  isOnRecord(): boolean {
    return readRecord(this.#record) !== undefined;
  }

  async remove(): Promise<void> {
    await this.#removeLink();
    removeConf(this.#conf);
    removeLeftovers(this.#directory);
  }

  async #removeLink(): Promise<void> {
    const record = readRecord(this.#record);
    const link = await readLink(this.#name, this.#fix());
    if (record !== undefined && link?.ifindex === record.ifindex) {
      await runTool("ip", ["link", "delete", "dev", this.#name], `sudo ip link delete dev ${this.#name}`);
    }
    if (record?.process !== undefined) await endUserSpace(record.process, this.#name);
    removeRecord(this.#record);
    this.#previous = undefined;
  }

  /** Answers whether the interface had to be made. */
  async #ensureLink(publicKey: string): Promise<boolean> {
    const link = await readLink(this.#name, this.#fix());
    if (link !== undefined) {
      await this.#adopt(link, publicKey);
      return false;
    }
    const process = (await this.#addToKernel()) ? undefined : await startUserSpace(this.#name, this.#fix());
    const made = await readLink(this.#name, this.#fix());
    if (made === undefined) {
      if (process !== undefined) await endUserSpace(process, this.#name);
      throw new HomieError("ProcessFailed", `interface ${this.#name} is not there after it was made`);
    }
    writeRecord(this.#record, made.ifindex, process);
    this.#previous = undefined;
    return true;
  }

  /** Ours is what is on record, what has our key (`wg-quick up` with our file), or what was made just before a crash. */
  async #adopt(link: Link, publicKey: string): Promise<void> {
    if (readRecord(this.#record)?.ifindex === link.ifindex) return;
    const dump = await this.observe();
    const isFresh = dump !== undefined && dump.publicKey === undefined && dump.peers.length === 0;
    if (dump === undefined || (dump.publicKey !== publicKey && !isFresh)) {
      throw new HomieError("MeshUnavailable", `there is an interface ${this.#name} that is not homie's`, {
        hint: `if nobody needs it: sudo ip link delete dev ${this.#name}`,
      });
    }
    writeRecord(this.#record, link.ifindex, undefined);
  }

  /** False where the kernel has no WireGuard. */
  async #addToKernel(): Promise<boolean> {
    const answer = await askTool("ip", ["link", "add", "dev", this.#name, "type", "wireguard"]);
    if (answer.ok) return true;
    if (/unknown device type|not supported/i.test(answer.words)) return false;
    throw toolError("ip", answer.words, this.#fix());
  }

  async #execute(actions: readonly WireGuardAction[], privateKey: string): Promise<void> {
    const keyFile = join(this.#directory, `${temporaryPrefix}key.${randomBytes(6).toString("hex")}`);
    try {
      if (actions.some((action) => action.kind === "set-private-key")) {
        writeFileSync(keyFile, `${privateKey}\n`, { mode: 0o600, flag: "wx" });
      }
      for (const command of renderWgArguments(this.#name, actions, keyFile))
        await runTool("wg", command, this.#fixPresent());
    } finally {
      rmSync(keyFile, { force: true });
    }
  }

  /** What a person with the rights can run: it makes the interface ... */
  #fix(): string {
    return `sudo wg-quick up ${quote(this.#conf)}`;
  }

  /** ... and it makes the one that is there anew: `wg syncconf` would end no session, but knows of no address and no route. */
  #fixPresent(): string {
    return `sudo wg-quick down ${quote(this.#conf)} && ${this.#fix()}`;
  }
}

function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

/** wireguard-go takes a port that is in use without a word, and then hears nothing. */
async function requireFreePort(port: number): Promise<void> {
  for (const type of ["udp4", "udp6"] as const) {
    const error = await tryPort(type, port);
    // Whatever else is wrong (no IPv6, a port below 1024) is for WireGuard itself to say: it binds with other rights.
    if (error?.code !== "EADDRINUSE") continue;
    const hint = `see who has it (ss -ulpn sport = :${port}), or choose another listenPort`;
    throw new HomieError("MeshUnavailable", `UDP port ${port} is in use`, { hint, cause: error });
  }
}

function tryPort(type: "udp4" | "udp6", port: number): Promise<NodeJS.ErrnoException | undefined> {
  const socket = createSocket({ type, ipv6Only: type === "udp6" });
  return new Promise((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) => socket.close(() => resolve(error)));
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}
