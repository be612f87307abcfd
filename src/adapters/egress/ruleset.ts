/** What a Job on the bridge may reach. All of it is checked; none is free text. */
export interface EgressRules {
  /** Interface of the bridge the Jobs are on. */
  readonly bridge: string;
  /** Addresses of that bridge, ADDRESS/PREFIX, IPv4. */
  readonly subnet: string;
  /** Nothing is sent there. */
  readonly closed: readonly string[];
  /** Name servers this machine asks; for port 53 alone they are an exception. */
  readonly resolvers: readonly string[];
}

export const egressTables = ["inet homie_egress", "bridge homie_egress"] as const;

/**
 * Input for `nft -f -`: our tables as a whole, in one transaction. The engine translates no addresses for this bridge, so
 * that without these tables nothing comes back from anywhere: what takes the filter away takes the way out with it.
 */
export function renderEgressRuleset({ bridge, subnet, closed, resolvers }: EgressRules): string {
  const [inet, link] = egressTables;
  const name = `"${bridge}"`;
  const names = resolvers.length === 0 ? [] : ["udp", "tcp"].map((protocol) => nameServers(name, protocol, resolvers));
  return [
    // Deleting what is not there is an error, adding what is there is none.
    ...egressTables.flatMap((table) => [`table ${table} {}`, `delete table ${table}`]),
    `table ${inet} {`,
    "  set closed {",
    "    type ipv4_addr; flags interval; auto-merge;",
    `    elements = { ${closed.join(", ")} }`,
    "  }",
    // Before iptables and most firewalls (filter is 0): what is dropped here is dropped, what is accepted here is still theirs
    // to judge (https://wiki.nftables.org/wiki-nftables/index.php/Configuring_chains).
    "  chain forward {",
    "    type filter hook forward priority -10; policy accept;",
    `    iifname ${name} meta nfproto ipv6 drop`,
    `    oifname ${name} meta nfproto ipv6 drop`,
    ...names,
    // After every translation of addresses, so a published port of another container is judged by where it leads.
    `    iifname ${name} ip daddr @closed drop`,
    `    oifname ${name} ct state established,related accept`,
    `    oifname ${name} drop`,
    "  }",
    // This machine itself, by whichever of its addresses.
    "  chain input {",
    "    type filter hook input priority -10; policy accept;",
    ...names,
    `    iifname ${name} drop`,
    "  }",
    "  chain postrouting {",
    "    type nat hook postrouting priority 100; policy accept;",
    `    ip saddr ${subnet} oifname != ${name} masquerade`,
    "  }",
    "}",
    // From one Job to another: the engine's own rule for that needs a module of the kernel that is not always there, and to
    // name the bridge here would need another. Only Jobs have these addresses, and none can send from others.
    `table ${link} {`,
    "  chain forward {",
    "    type filter hook forward priority 0; policy accept;",
    `    ip saddr ${subnet} drop`,
    `    arp saddr ip ${subnet} drop`,
    "  }",
    "}",
    "",
  ].join("\n");
}

function nameServers(name: string, protocol: string, resolvers: readonly string[]): string {
  return `    iifname ${name} ip daddr { ${resolvers.join(", ")} } ${protocol} dport 53 accept`;
}
