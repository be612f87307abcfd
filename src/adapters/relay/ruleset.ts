/** What the kernel is to do with packets between homie's interface and any other. All of it is checked; none is free text. */
export interface RelayRules {
  /** As `checkInterfaceName` takes it. */
  readonly interface: string;
  /** False: nothing passes. */
  readonly enabled: boolean;
  /** Absent: no limit. */
  readonly bytesPerSecond?: number;
  readonly addresses4: readonly string[];
  readonly addresses6: readonly string[];
  /** Present while IPv6 forwarding is on for the whole machine because of us. */
  readonly wasHost?: WasHost;
}

/** How the machine was before; it lies in the kernel with the rules, so it is lost when the settings are: at a reboot. */
export interface WasHost {
  /** Interfaces that forwarded no IPv6. */
  readonly hosts: readonly string[];
  /** Those of them whose router advertisements were heard because they did not (`accept_ra` 1, now 2). */
  readonly listeners: readonly string[];
}

export function tableName(interfaceName: string): string {
  return `homie_${interfaceName}`;
}

/** Input for `nft -f -`: our table as a whole, in one transaction; packets meet the old rules or the new ones. */
export function renderRuleset(rules: RelayRules): string {
  const name = `"${rules.interface}"`;
  const table = `inet ${tableName(rules.interface)}`;
  return [
    // Deleting what is not there is an error, adding what is there is none.
    `table ${table} {}`,
    `delete table ${table}`,
    `table ${table} {`,
    set("members4", "ipv4_addr", rules.addresses4),
    set("members6", "ipv6_addr", rules.addresses6),
    ...renderWasHost(rules.wasHost),
    "  chain capped {",
    ...(rules.bytesPerSecond === undefined ? [] : [`    ${renderLimit(rules.bytesPerSecond)} drop`]),
    "    accept",
    "  }",
    // Before iptables and most firewalls (filter is 0): what is dropped here is dropped, what is accepted here is still theirs
    // to judge (https://wiki.nftables.org/wiki-nftables/index.php/Configuring_chains).
    "  chain forward {",
    "    type filter hook forward priority -10; policy accept;",
    ...renderOthers(rules),
    `    iifname != ${name} oifname != ${name} accept`,
    ...(rules.enabled ? between(name) : []),
    "    drop",
    "  }",
    // A relay sends back on the interface the packet came from, which looks like a detour to the kernel. The setting that
    // turns redirects off holds only if it is off for all interfaces (ip-sysctl, send_redirects).
    "  chain output {",
    "    type filter hook output priority 0; policy accept;",
    `    oifname ${name} icmp type redirect drop`,
    `    oifname ${name} icmpv6 type nd-redirect drop`,
    "  }",
    "}",
    "",
  ].join("\n");
}

function set(name: string, type: string, elements: readonly string[]): string {
  const list = elements.length === 0 ? "" : ` elements = { ${elements.join(", ")} };`;
  return `  set ${name} { type ${type};${list} }`;
}

function renderWasHost(wasHost: WasHost | undefined): readonly string[] {
  if (wasHost === undefined) return [];
  const quoted = (names: readonly string[]): readonly string[] => names.map((name) => `"${name}"`);
  return [set("hosts", "ifname", quoted(wasHost.hosts)), set("listeners", "ifname", quoted(wasHost.listeners))];
}

/** The machine becomes no router for its neighbours because it relays: what comes from them stays unforwarded, as it was. */
function renderOthers({ interface: name, wasHost }: RelayRules): readonly string[] {
  if (wasHost === undefined) return [];
  const others = `    meta nfproto ipv6 iifname @hosts oifname != "${name}"`;
  return [`${others} ct state new ct status dnat accept`, `${others} ct state new drop`];
}

function between(name: string): readonly string[] {
  return [
    `    iifname ${name} oifname ${name} ip saddr @members4 ip daddr @members4 jump capped`,
    `    iifname ${name} oifname ${name} ip6 saddr @members6 ip6 daddr @members6 jump capped`,
  ];
}

/** Packets come in bursts of up to 64 KiB (segmentation offload), and TCP needs room for some. */
function renderLimit(bytesPerSecond: number): string {
  const burst = Math.max(256 * 1024, Math.floor(bytesPerSecond / 10));
  return `limit rate over ${bytesPerSecond} bytes/second burst ${burst} bytes`;
}

/** Reads `nft list table` of ours. Undefined where the machine forwards IPv6, or not, without us. */
export function parseWasHost(listing: string): WasHost | undefined {
  const [hosts, listeners] = [readNames(listing, "hosts"), readNames(listing, "listeners")];
  return hosts === undefined || listeners === undefined ? undefined : { hosts, listeners };
}

function readNames(listing: string, name: string): readonly string[] | undefined {
  const [found, elements = ""] = new RegExp(`set ${name} \\{[^{}]*(?:\\{([^{}]*)\\}[^{}]*)?\\}`).exec(listing) ?? [];
  if (found === undefined) return undefined;
  return [...elements.matchAll(/"([^"]+)"/g)].flatMap(([, each]) => each ?? []);
}
