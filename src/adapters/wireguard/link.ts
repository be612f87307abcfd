import { HomieError } from "../../resources/errors.ts";
import { parseCidr } from "./addresses.ts";
import { askTool, runTool, toolError } from "./run-tool.ts";

/** A network interface as the kernel has it. */
export interface Link {
  readonly ifindex: number;
  readonly mtu: number;
  readonly isUp: boolean;
  /** Canonical ADDRESS/PREFIX. Those the kernel gives itself (link scope) are not among them. */
  readonly addresses: readonly string[];
}

/** Three, because removing an address takes its secondaries along (ip-address(8), promote_secondaries). */
const rounds = 3;

export async function readLink(name: string, fix: string): Promise<Link | undefined> {
  const answer = await askTool("ip", ["-json", "address", "show", "dev", name]);
  if (answer.ok) return parseLink(answer.stdout);
  if (/does not exist|cannot find device/i.test(answer.words)) return undefined;
  throw toolError("ip", answer.words, fix);
}

/** Throws HomieError ProcessFailed for what is not `ip -json address show` of one interface. */
export function parseLink(text: string): Link {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HomieError("ProcessFailed", "read what ip says of the interface: it is not JSON", { cause: error });
  }
  const link: unknown = Array.isArray(value) ? value.find((each) => isRecord(each) && "ifindex" in each) : undefined;
  if (!isRecord(link)) throw odd("no interface");
  const { ifindex, mtu, flags, addr_info: addresses } = link;
  if (typeof ifindex !== "number" || typeof mtu !== "number") throw odd("numbers are missing");
  if (!Array.isArray(flags) || !Array.isArray(addresses)) throw odd("lists are missing");
  return { ifindex, mtu, isUp: flags.includes("UP"), addresses: addresses.flatMap(readAddress) };
}

function readAddress(entry: unknown): readonly string[] {
  if (!isRecord(entry) || entry["scope"] === "link") return [];
  const cidr = parseCidr(`${String(entry["local"])}/${String(entry["prefixlen"])}`);
  return cidr === undefined ? [] : [cidr.text];
}

/** Argument vectors for `ip` that bring the interface there; `[]` when it is. */
export function planLink(
  name: string,
  wanted: { readonly addresses: readonly string[]; readonly mtu: number },
  link: Link,
): readonly (readonly string[])[] {
  const extra = link.addresses.filter((address) => !wanted.addresses.includes(address));
  const missing = wanted.addresses.filter((address) => !link.addresses.includes(address));
  const commands = [
    ...extra.map((address) => ["address", "delete", address, "dev", name]),
    ...missing.map((address) => ["address", "add", address, "dev", name]),
  ];
  if (link.mtu !== wanted.mtu || !link.isUp) {
    commands.push(["link", "set", "dev", name, "mtu", String(wanted.mtu), "up"]);
  }
  return commands;
}

export async function applyLink(
  name: string,
  wanted: { readonly addresses: readonly string[]; readonly mtu: number },
  fix: string,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const link = await readLink(name, fix);
    if (link === undefined) throw new HomieError("ProcessFailed", `interface ${name} vanished while it was set up`);
    const commands = planLink(name, wanted, link);
    if (commands.length === 0) return;
    for (const command of commands) await runTool("ip", command, fix);
  }
  const link = await readLink(name, fix);
  if (link !== undefined && planLink(name, wanted, link).length === 0) return;
  throw new HomieError("ProcessFailed", `interface ${name} does not keep its addresses`, {
    hint: "another program changes them: ip monitor address",
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function odd(why: string): HomieError {
  return new HomieError("ProcessFailed", `read what ip says of the interface: ${why}`);
}
