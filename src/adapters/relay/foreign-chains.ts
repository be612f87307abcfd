import { HomieError } from "../../resources/errors.ts";

export interface ForeignChain {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

/** Chains of others, in `nft -j list chains`, that drop what no rule of theirs lets through. Those of iptables are met there. */
export function findDroppers(
  json: string,
  known: { readonly ours: string; readonly iptables: boolean },
): readonly ForeignChain[] {
  return readChains(json).flatMap((value) => {
    const { family, table, name, hook, policy } = value;
    if (hook !== "forward" || policy !== "drop" || table === known.ours) return [];
    if (known.iptables && table === "filter" && name === "FORWARD" && (family === "ip" || family === "ip6")) return [];
    if (family !== "ip" && family !== "ip6" && family !== "inet") return []; // bridges and the like see no routed packet
    return [{ family, table: word(table), chain: word(name) }];
  });
}

/** True when `nft list chain` has a rule for this interface that accepts. */
export function letsThrough(listing: string, interfaceName: string): boolean {
  return listing.split("\n").some((line) => line.includes(`"${interfaceName}"`) && /\baccept\b/.test(line));
}

function readChains(json: string): readonly Record<string, unknown>[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new HomieError("ProcessFailed", "read the chains nft lists: it is not JSON", { cause });
  }
  const list = isRecord(value) ? value["nftables"] : undefined;
  if (!Array.isArray(list)) throw new HomieError("ProcessFailed", "read the chains nft lists: there is no list");
  return list.flatMap((each: unknown) => (isRecord(each) && isRecord(each["chain"]) ? [each["chain"]] : []));
}

function word(name: unknown): string {
  return typeof name === "string" && /^[A-Za-z0-9_/.-]{1,64}$/.test(name) ? name : "(an odd name)";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
