import { HomieError } from "../../resources/errors.ts";
import { askTool } from "../wireguard/run-tool.ts";

/** An IPv4 network that this machine has a route to. */
export interface LocalNetwork {
  /** ADDRESS/PREFIX. */
  readonly cidr: string;
  readonly interface: string;
}

/** Of all tables, without the default routes and without what homie's own interfaces bring. Throws HomieError. */
export async function localNetworks(): Promise<readonly LocalNetwork[]> {
  const answer = await askTool("ip", ["-4", "-json", "route", "show", "table", "all"]);
  if (!answer.ok) throw new HomieError("ProcessFailed", `ip route show failed: ${answer.words}`);
  return parseNetworks(answer.stdout);
}

/** What `ip -4 -json route show table all` says. Throws HomieError ProcessFailed for anything else. */
export function parseNetworks(text: string): readonly LocalNetwork[] {
  let value: unknown;
  try {
    value = text.trim() === "" ? [] : JSON.parse(text);
  } catch (cause) {
    throw new HomieError("ProcessFailed", "read what ip says of routes: it is not JSON", { cause });
  }
  if (!Array.isArray(value)) throw new HomieError("ProcessFailed", "read what ip says of routes: it is no list");
  return value.flatMap((entry: unknown): readonly LocalNetwork[] => {
    const { dst, dev, type } = entry as Partial<Record<"dst" | "dev" | "type", unknown>>;
    if (typeof dst !== "string" || typeof dev !== "string" || dst === "default") return [];
    // Loopback, broadcast and multicast are everywhere; a mesh of ours moves out of the way of none of its own routes.
    if ((type !== undefined && type !== "unicast") || dev === "lo" || dev.startsWith("homie")) return [];
    const cidr = dst.includes("/") ? dst : `${dst}/32`;
    return rangeOf(cidr) === undefined ? [] : [{ cidr, interface: dev }];
  });
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
