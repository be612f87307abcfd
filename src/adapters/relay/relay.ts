import { isIPv4 } from "node:net";
import { HomieError } from "../../resources/errors.ts";
import type { Logger } from "../../reconciler/types.ts";
import { createOneAtATime } from "../docker/one-at-a-time.ts";
import { parseCidr } from "../wireguard/addresses.ts";
import { askTool, findTool, type Tool, toolError } from "../wireguard/run-tool.ts";
import {
  forwarding6,
  isMachineRouter6,
  makeHost6,
  makeRouter6,
  networkSettings,
  readHosts,
  setForceForwarding6,
  setForwarding4,
  type Settings,
} from "./forwarding.ts";
import { findDroppers, letsThrough } from "./foreign-chains.ts";
import { planAccept } from "./iptables-accept.ts";
import { parseWasHost, type RelayRules, renderRuleset, tableName, type WasHost } from "./ruleset.ts";

export interface RelayOptions {
  readonly interface: string;
  readonly log: Logger;
  /** For tests: another directory than the kernel's. */
  readonly settings?: string;
}

export interface RelayWish {
  readonly enabled: boolean;
  /** For all members together; absent: no limit. */
  readonly maxMbit?: number;
  /** Mesh addresses of admitted members, IPv4 and IPv6. */
  readonly addresses: readonly string[];
}

export interface RelayReport {
  /** Packets between members pass through this machine. */
  readonly active: boolean;
  /** Why not, although they should; or why the rest could not be closed. */
  readonly problem?: { readonly message: string; readonly hint?: string };
}

/** Forwards packets between members on one interface, and nothing else to it or from it. Its calls run one after the other. */
export interface Relay {
  /** Changes what differs. Throws HomieError InvalidResource; whatever this machine refuses is told as a problem. */
  apply(wanted: RelayWish): Promise<RelayReport>;
  /** Takes everything back. Throws HomieError. */
  remove(): Promise<void>;
}

/** What lets a daemon change the network without being root. */
const capability = "sudo systemctl edit homie, with [Service] AmbientCapabilities=CAP_NET_ADMIN";
/** A member has an IPv4 and an IPv6 address, and WireGuard takes 4,096 peers. */
const maxAddresses = 8_192;
const maxMaxMbit = 1_000_000;

export function createRelay(options: RelayOptions): Relay {
  if (!/^[a-z][a-z0-9]{0,14}$/.test(options.interface)) {
    const name = JSON.stringify(options.interface.slice(0, 32));
    throw new HomieError("InvalidResource", `no interface can have the name ${name}`);
  }
  const relay = new RelayRouter(options);
  const turns = createOneAtATime();
  return {
    apply: (wanted) => turns.run("relay", () => relay.apply(wanted)),
    remove: () => turns.run("relay", () => relay.remove()),
  };
}

class RelayRouter {
  readonly #name: string;
  readonly #log: Logger;
  readonly #settings: Settings;
  /** The ruleset written last, and how nft lists it: equal to what it lists now while nobody has changed it. */
  #written: { readonly ruleset: string; readonly listing: string } | undefined;

  constructor(options: RelayOptions) {
    this.#name = options.interface;
    this.#log = options.log;
    const changed = (setting: string, value: string): void => this.#changed(`${setting} = ${value}`);
    this.#settings = { root: options.settings ?? networkSettings, changed };
  }

  async apply(wanted: RelayWish): Promise<RelayReport> {
    const rules = checkWish(this.#name, wanted);
    try {
      if (!rules.enabled) {
        await this.#close(rules);
        return { active: false };
      }
      await this.#open(rules);
      return { active: true };
    } catch (error) {
      const problem = describe(error);
      const failures = await this.#closeAtLeast(rules);
      if (failures.length === 0) return { active: false, problem };
      const more = failures.filter((each) => each !== problem.message).map((each) => `; ${each}`);
      const message = `${problem.message}${more.join("")}; what comes to ${this.#name} from elsewhere may pass unfiltered`;
      return { active: false, problem: { ...problem, message } };
    }
  }

  async remove(): Promise<void> {
    const listing = isInstalled("nft") ? await this.#list() : undefined;
    await setForwarding4(this.#settings, this.#name, false);
    await this.#forbidForwarding6(listing);
    await this.#accept(false);
    this.#written = undefined;
    if (listing === undefined) return;
    await this.#nft(`delete table inet ${tableName(this.#name)}\n`);
    this.#changed("the table is gone");
  }

  /** The filter first, then what makes packets move; the other way round when it closes. */
  async #open(rules: RelayRules): Promise<void> {
    const kind = await forwarding6(this.#settings, this.#name);
    const wasHost = kind === "whole-machine" ? await this.#wasHost() : undefined;
    await this.#write({ ...rules, ...(wasHost === undefined ? {} : { wasHost }) });
    await this.#accept(true);
    await setForwarding4(this.#settings, this.#name, true);
    if (kind === "one-interface") await setForceForwarding6(this.#settings, this.#name, true);
    if (wasHost !== undefined) await makeRouter6(this.#settings, wasHost);
    await this.#requireNoDropper();
  }

  async #close(rules: RelayRules): Promise<void> {
    await setForwarding4(this.#settings, this.#name, false);
    await this.#forbidForwarding6(await this.#list());
    await this.#accept(false);
    await this.#write({ ...rules, enabled: false });
  }

  /** After something failed: as much of the closing as can be done. Answers why the rest cannot. */
  async #closeAtLeast(rules: RelayRules): Promise<readonly string[]> {
    const failures = new Set<string>();
    const steps = [
      () => setForwarding4(this.#settings, this.#name, false),
      async () => this.#forbidForwarding6(await this.#list()),
      () => this.#write({ ...rules, enabled: false }),
      () => this.#accept(false),
    ];
    for (const step of steps) await step().catch((error: unknown) => failures.add(describe(error).message));
    return [...failures];
  }

  async #forbidForwarding6(listing: string | undefined): Promise<void> {
    const wasHost = parseWasHost(listing ?? "");
    if (wasHost !== undefined) await makeHost6(this.#settings, wasHost);
    const kind = await forwarding6(this.#settings, this.#name);
    if (kind === "one-interface") await setForceForwarding6(this.#settings, this.#name, false);
  }

  async #wasHost(): Promise<WasHost | undefined> {
    const known = parseWasHost((await this.#list()) ?? "");
    if (known !== undefined || (await isMachineRouter6(this.#settings))) return known;
    return readHosts(this.#settings, this.#name);
  }

  async #write(rules: RelayRules): Promise<void> {
    const ruleset = renderRuleset(rules);
    const listing = await this.#list();
    if (listing !== undefined && this.#written?.listing === listing && this.#written.ruleset === ruleset) return;
    await this.#nft(ruleset);
    this.#changed(`${rules.addresses4.length + rules.addresses6.length} addresses, enabled: ${rules.enabled}`);
    this.#written = { ruleset, listing: (await this.#list()) ?? "" };
  }

  /** Undefined where there is no such table. */
  async #list(): Promise<string | undefined> {
    const answer = await askTool("nft", ["--stateless", "list", "table", "inet", tableName(this.#name)]);
    if (answer.ok) return answer.stdout;
    if (/no such file/i.test(answer.words)) return undefined;
    throw refusal("nft", answer.words);
  }

  async #nft(ruleset: string): Promise<void> {
    const answer = await askTool("nft", ["-f", "-"], ruleset);
    if (!answer.ok) throw refusal("nft", answer.words);
  }

  async #accept(wanted: boolean): Promise<void> {
    for (const tool of ["iptables", "ip6tables"] as const) {
      if (!isInstalled(tool)) continue; // then nobody has made rules with it
      const listing = await listRules(tool);
      for (const command of planAccept(this.#name, wanted, listing)) {
        const answer = await askTool(tool, ["-w", "5", ...command]);
        if (!answer.ok) throw refusal(tool, answer.words);
        this.#changed(`${tool} ${command.join(" ")}`);
      }
    }
  }

  /** A packet that we accept still meets the chains of every other firewall. */
  async #requireNoDropper(): Promise<void> {
    const answer = await askTool("nft", ["-j", "list", "chains"]);
    if (!answer.ok) throw refusal("nft", answer.words);
    const known = { ours: tableName(this.#name), iptables: isInstalled("iptables") };
    for (const { family, table, chain } of findDroppers(answer.stdout, known)) {
      const rules = await askTool("nft", ["list", "chain", family, table, chain]);
      if (rules.ok && letsThrough(rules.stdout, this.#name)) continue;
      const rule = `sudo nft insert rule ${family} ${table} ${chain} iifname ${this.#name} oifname ${this.#name} accept`;
      throw new HomieError("MeshUnavailable", `a firewall drops what is relayed: chain ${family} ${table} ${chain}`, {
        hint: `${rule}; and the same in that firewall's own configuration. What may pass is judged in homie's table`,
      });
    }
  }

  #changed(what: string): void {
    this.#log.debug("the relay was changed", { interface: this.#name, what });
  }
}

function checkWish(name: string, { enabled, maxMbit, addresses }: RelayWish): RelayRules {
  if (maxMbit !== undefined && !(maxMbit > 0 && maxMbit <= maxMaxMbit)) {
    throw new HomieError("InvalidResource", `relay: maxMbit is not a number above 0 and up to ${maxMaxMbit}`);
  }
  if (addresses.length > maxAddresses) throw new HomieError("InvalidResource", "relay: there are too many addresses");
  const known = [...new Set(addresses.map(checkAddress))].toSorted();
  return {
    interface: name,
    enabled,
    addresses4: known.filter((each) => isIPv4(each)),
    addresses6: known.filter((each) => !isIPv4(each)),
    ...(maxMbit === undefined ? {} : { bytesPerSecond: Math.max(1, Math.round((maxMbit * 1_000_000) / 8)) }),
  };
}

function checkAddress(text: string): string {
  const cidr = parseCidr(`${text}/${isIPv4(text) ? 32 : 128}`);
  const [address] = cidr?.text.split("/") ?? [];
  if (address !== undefined) return address;
  throw new HomieError("InvalidResource", `relay: no address: ${JSON.stringify(String(text).slice(0, 64))}`);
}

/** Empty where the kernel has no such family. */
async function listRules(tool: "iptables" | "ip6tables"): Promise<string> {
  const answer = await askTool(tool, ["-w", "5", "-S"]);
  if (answer.ok) return answer.stdout;
  if (/not supported|needs to be upgraded/i.test(answer.words)) return "-P FORWARD ACCEPT";
  throw refusal(tool, answer.words);
}

function refusal(tool: Tool, words: string): HomieError {
  const error = toolError(tool, words, capability);
  if (error.code !== "MeshUnavailable") return error;
  return new HomieError("MeshUnavailable", error.message, { hint: `${capability}; or run the daemon as root` });
}

function isInstalled(tool: Tool): boolean {
  try {
    return findTool(tool) !== "";
  } catch {
    return false;
  }
}

function describe(error: unknown): { readonly message: string; readonly hint?: string } {
  if (!(error instanceof HomieError)) throw error;
  return { message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}
