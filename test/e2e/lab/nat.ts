/**
 * What a router does to UDP (RFC 4787 has the words). Mapping: does a socket keep its outside port for every destination?
 * Filtering: who may answer to it?
 *
 * - `none`: routes, with public addresses behind it
 * - `full-cone`: same port for all, everybody may answer
 * - `restricted`: same port for all, an address that was spoken to may answer from any port
 * - `cone`: same port for all, only a port that was spoken to may answer
 * - `linux`: plain masquerading; the port is kept while nobody else has it, only a port that was spoken to may answer
 * - `symmetric`: another port for each destination, only that destination may answer
 * - `udp-blocked`: no UDP at all; TCP as with the others
 */
export type NatKind = "none" | "full-cone" | "restricted" | "cone" | "linux" | "symmetric" | "udp-blocked";

export interface NatOptions {
  readonly kind: NatKind;
  /** Interfaces of the inside, as nft spells them: `lan`, or `to-*`. */
  readonly inside: string;
  /** How long a mapping is remembered after the last datagram that went out. */
  readonly udpTimeoutSeconds: number;
}

/**
 * Rules of a router with `wan` outside, for `nft -f`. Loading them forgets every mapping but those in conntrack.
 * A mapping that does not depend on the destination needs memory that conntrack has not: the first datagram gets a random
 * port, which is noted behind masquerading (priority 200) and taken for all that follow.
 */
export function renderNat(options: NatOptions): string {
  return `table ip nat\ndelete table ip nat\ntable ip nat {\n${renderTable(options).join("\n")}\n}\n`;
}

function renderTable(options: NatOptions): readonly string[] {
  if (options.kind === "none") return [];
  return [
    ...renderFirewall(options),
    ...(isCone(options.kind) ? renderMemory(options) : []),
    "chain source {",
    "type nat hook postrouting priority srcnat",
    ...(isCone(options.kind) ? ['oifname "wan" meta l4proto udp snat ip to ip saddr . udp sport map @outside_of'] : []),
    ...(options.kind === "linux" ? [] : ['oifname "wan" meta l4proto udp masquerade fully-random']),
    'oifname "wan" masquerade',
    "}",
  ];
}

function isCone(kind: NatKind): boolean {
  return kind === "full-cone" || kind === "restricted" || kind === "cone";
}

/** Drops what nobody asked for, also what is for the router itself: one that answers strays breaks hole punching. */
function renderFirewall({ kind, inside }: NatOptions): readonly string[] {
  return [
    "chain forward {",
    "type filter hook forward priority filter; policy drop",
    "ct state invalid drop",
    ...(kind === "udp-blocked" ? ["meta l4proto udp drop"] : []),
    `iifname "${inside}" oifname "wan" accept`,
    'iifname "wan" ct state established,related accept',
    'iifname "wan" ct status dnat accept',
    "}",
    "chain input {",
    "type filter hook input priority filter; policy accept",
    'iifname "wan" ct state established,related accept',
    'iifname "wan" drop',
    // No hairpin: the outside address is not to be reached from inside.
    `iifname "${inside}" fib daddr . iif type != { local, multicast } drop`,
    "}",
  ];
}

function renderMemory({ kind, udpTimeoutSeconds }: NatOptions): readonly string[] {
  const memory = `flags dynamic,timeout; timeout ${udpTimeoutSeconds}s; size 16384`;
  const noted = (who: "original" | "reply"): string => `ct ${who} ip saddr . ct ${who} proto-src`;
  const note = (who: "original" | "reply"): readonly string[] => [
    `oifname "wan" meta l4proto udp ct direction ${who} update @outside_of { ${noted(who)} : ip saddr . udp sport }`,
    `oifname "wan" meta l4proto udp ct direction ${who} update @inside_of { udp sport : ${noted(who)} }`,
  ];
  return [
    `map outside_of { type ipv4_addr . inet_service : ipv4_addr . inet_service; ${memory}; }`,
    `map inside_of { type inet_service : ipv4_addr . inet_service; ${memory}; }`,
    `set spoken_to { type ipv4_addr . inet_service; ${memory}; }`,
    "chain note {",
    "type filter hook postrouting priority 200",
    ...note("original"),
    ...note("reply"),
    'oifname "wan" meta l4proto udp update @spoken_to { ip daddr . udp sport }',
    "}",
    "chain destination {",
    "type nat hook prerouting priority dstnat",
    ...(kind === "full-cone" ? ['iifname "wan" meta l4proto udp dnat ip to udp dport map @inside_of'] : []),
    ...(kind === "restricted"
      ? ['iifname "wan" ip saddr . udp dport @spoken_to dnat ip to udp dport map @inside_of']
      : []),
    "}",
  ];
}
