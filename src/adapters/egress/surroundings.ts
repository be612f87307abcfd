import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { localNetworks } from "../system/routes.ts";
import { closedRanges } from "./ranges.ts";
import type { EgressRules } from "./ruleset.ts";

const resolverFile = "/etc/resolv.conf";
/** Where systemd keeps the real ones when the first file names its stub; Docker looks there too. */
const systemdFile = "/run/systemd/resolve/resolv.conf";
const most = 8;

/** What this machine is connected to right now. Throws HomieError where `ip` cannot be asked. */
export async function readSurroundings(): Promise<Pick<EgressRules, "closed" | "resolvers">> {
  const routes = (await localNetworks()).map(({ cidr }) => cidr);
  // With homie's own interface, which the routes leave out: a mesh is no part of the internet.
  const links = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const addresses = links.flatMap(({ family, cidr }) => (family === "IPv4" && cidr !== null ? [cidr] : []));
  return { closed: closedRanges([...routes, ...addresses]), resolvers: await readResolvers() };
}

async function readResolvers(): Promise<readonly string[]> {
  const named = parseResolvers(await read(resolverFile));
  const outer = named.filter((address) => !address.startsWith("127."));
  // Behind a stub the engine asks the real ones itself, from the Job's side of the filter.
  return outer.length > 0 || named.length === 0 ? outer : withoutStubs(parseResolvers(await read(systemdFile)));
}

function withoutStubs(addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => !address.startsWith("127."));
}

/** `nameserver` lines of resolv.conf(5), IPv4 only: the bridge has no IPv6. */
export function parseResolvers(text: string): readonly string[] {
  const found = text.split("\n").flatMap((line) => {
    const [keyword, address = ""] = line.trim().split(/\s+/);
    return keyword === "nameserver" && isIPv4(address) ? [address] : [];
  });
  return [...new Set(found)].slice(0, most).toSorted();
}

async function read(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}
