import { HomieError } from "../../resources/errors.ts";
import { askTool } from "../wireguard/run-tool.ts";

/** An IPv4 network that this machine has a route to, or an address in. */
export interface LocalNetwork {
  /** ADDRESS/PREFIX. */
  readonly cidr: string;
  readonly interface: string;
}

/** Of all routing tables and all interfaces, without default routes and without what homie's own interfaces bring. Throws HomieError. */
export async function localNetworks(): Promise<readonly LocalNetwork[]> {
  const [routes, links] = await Promise.all([ask("route", "show", "table", "all"), ask("address", "show")]);
  return parseNetworks(routes, links);
}

/** The router that packets to the internet go to, and this machine's address towards it, IPv4; undefined where there is none. */
export async function defaultGateway(): Promise<{ readonly gateway: string; readonly localHost: string } | undefined> {
  const [routes, links] = await Promise.all([ask("route", "show", "default"), ask("address", "show")]);
  return parseGateway(routes, links);
}

/** The same from what `ip -4 -json` says; of several routes the one with the lowest metric. */
export function parseGateway(
  routes: string,
  links: string,
): { readonly gateway: string; readonly localHost: string } | undefined {
  const metricOf = ({ metric }: Record<string, unknown>): number => (typeof metric === "number" ? metric : 0);
  const [route] = readList(routes)
    .filter(({ gateway, dev }) => typeof gateway === "string" && typeof dev === "string")
    .toSorted((a, b) => metricOf(a) - metricOf(b));
  if (route === undefined) return undefined;
  const { gateway, dev, prefsrc } = route as { gateway: string; dev: string; prefsrc?: unknown };
  const link = readList(links).find(({ ifname }) => ifname === dev);
  const addresses = Array.isArray(link?.["addr_info"]) ? (link["addr_info"] as readonly { local?: unknown }[]) : [];
  const localHost = typeof prefsrc === "string" ? prefsrc : addresses.find(({ local }) => local !== undefined)?.local;
  return typeof localHost === "string" ? { gateway, localHost } : undefined;
}

async function ask(...what: readonly string[]): Promise<string> {
  const answer = await askTool("ip", ["-4", "-json", ...what]);
  if (!answer.ok) throw new HomieError("ProcessFailed", `ip ${what.join(" ")} failed: ${answer.words}`);
  return answer.stdout;
}

/** What `ip -4 -json` says of routes and of addresses, each network of an interface once. Throws HomieError ProcessFailed for anything else. */
export function parseNetworks(routes: string, links: string): readonly LocalNetwork[] {
  const found = [...readList(routes).flatMap(networksOfRoute), ...readList(links).flatMap(networksOfLink)];
  const known = new Map(found.map((network) => [`${network.cidr} ${network.interface}`, network]));
  return [...known.values()].filter((network) => isLocal(network));
}

function readList(text: string): readonly Record<string, unknown>[] {
  let value: unknown;
  try {
    value = text.trim() === "" ? [] : JSON.parse(text);
  } catch (cause) {
    throw new HomieError("ProcessFailed", "read the networks ip lists: it is not JSON", { cause });
  }
  if (!Array.isArray(value)) throw new HomieError("ProcessFailed", "read the networks ip lists: there is no list");
  return records(value);
}

/** Broadcast, multicast and the machine's own addresses are no networks; what is refused on purpose ("unreachable") has no interface. */
function networksOfRoute({ dst, dev, type, nexthops }: Record<string, unknown>): readonly LocalNetwork[] {
  if (typeof dst !== "string" || (type !== undefined && type !== "unicast")) return [];
  const cidr = dst.includes("/") ? dst : `${dst}/32`;
  // A route by several ways names its interfaces there.
  const devices = [dev, ...records(nexthops).map((hop) => hop["dev"])];
  return devices.flatMap((device) => (typeof device === "string" ? [{ cidr, interface: device }] : []));
}

/** An address may be there without a route: NetworkManager sets them so, and the route of an interface that is down is gone. */
function networksOfLink({ ifname, addr_info: addresses }: Record<string, unknown>): readonly LocalNetwork[] {
  if (typeof ifname !== "string") return [];
  return records(addresses).flatMap(({ local, prefixlen }) => {
    const range = rangeOf(`${String(local)}/${String(prefixlen)}`);
    return range === undefined ? [] : [{ cidr: `${write(range[0])}/${String(prefixlen)}`, interface: ifname }];
  });
}

/**
 * Loopback is everywhere, and a mesh of ours moves out of the way of none of its own routes. Nobody owns more than 10.0.0.0/8: what is
 * wider is a default route in parts, as VPNs set it (0.0.0.0/1 and 128.0.0.0/1).
 */
function isLocal({ cidr, interface: name }: LocalNetwork): boolean {
  const range = rangeOf(cidr);
  return range !== undefined && range[1] - range[0] < 2 ** 24 && name !== "lo" && !name.startsWith("homie");
}

/** The network that has addresses in common with `cidr`, as `10.1.0.0/16 (eth0)`; undefined when none has. */
export function cidrClash(cidr: string, networks: readonly LocalNetwork[]): string | undefined {
  const range = rangeOf(cidr);
  const found = networks.find((network) => {
    const other = rangeOf(network.cidr);
    return range !== undefined && other !== undefined && range[0] <= other[1] && other[0] <= range[1];
  });
  return found === undefined ? undefined : `${found.cidr} (${found.interface})`;
}

/** Ranges that homes and clouds give out first, and 10.210, which other software of this kind takes. */
const taken = new Set([0, 1, 8, 10, 42, 96, 100, 210, 244]);

/** A 10.x.0.0/16 that clashes with nothing here, and hardly with what a friend has. Throws HomieError Conflict. */
export function pickCidr(networks: readonly LocalNetwork[], random: () => number): string {
  const numbers = Array.from({ length: 256 }, (_, number) => number).filter((number) => !taken.has(number));
  const free = numbers.map((number) => `10.${number}.0.0/16`).filter((cidr) => cidrClash(cidr, networks) === undefined);
  const chosen = free[Math.floor(random() * free.length)];
  if (chosen !== undefined) return chosen;
  throw new HomieError("Conflict", "no 10.x.0.0/16 is free here: this machine has routes to all of them", {
    hint: "choose a range that you can spare with --cidr",
  });
}

/** First and last address. */
function rangeOf(cidr: string): readonly [number, number] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
  const size = 2 ** (32 - bits);
  const first = Math.floor((((a * 256 + b) * 256 + c) * 256 + d) / size) * size;
  return [first, first + size - 1];
}

function write(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

function records(value: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each): each is Record<string, unknown> => typeof each === "object" && each !== null);
}
