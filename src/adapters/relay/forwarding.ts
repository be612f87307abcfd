import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import type { WasHost } from "./ruleset.ts";

/** The kernel's settings of the network (https://docs.kernel.org/networking/ip-sysctl.html), or a directory like it. */
export const networkSettings = "/proc/sys/net";

/** Reads and writes settings of one machine. `changed` is told of each write. */
export interface Settings {
  readonly root: string;
  readonly changed: (setting: string, value: string) => void;
}

/** Names that may stand in a ruleset. The kernel allows more; such an interface is somebody's joke. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}$/;

/** IPv4 of one interface only: the kernel asks the interface a packet came in by (ip_route_input_slow). */
export async function setForwarding4(settings: Settings, name: string, on: boolean): Promise<void> {
  if (on) await put(settings, `ipv4/conf/${name}/send_redirects`, "0");
  await put(settings, `ipv4/conf/${name}/forwarding`, on ? "1" : "0");
}

export type Forwarding6 = "one-interface" | "whole-machine" | "none";

/** From Linux 6.17 on IPv6 can be forwarded for one interface; "none" where the interface has no IPv6. */
export async function forwarding6(settings: Settings, name: string): Promise<Forwarding6> {
  if ((await get(settings, `ipv6/conf/${name}/forwarding`)) === undefined) return "none";
  return (await get(settings, `ipv6/conf/${name}/force_forwarding`)) === undefined ? "whole-machine" : "one-interface";
}

export async function setForceForwarding6(settings: Settings, name: string, on: boolean): Promise<void> {
  await put(settings, `ipv6/conf/${name}/force_forwarding`, on ? "1" : "0");
}

export async function isMachineRouter6(settings: Settings): Promise<boolean> {
  return (await get(settings, "ipv6/conf/all/forwarding")) === "1";
}

/** What `makeRouter6` is going to change; it is to be on record before. Throws HomieError where a name cannot be put there. */
export async function readHosts(settings: Settings, name: string): Promise<WasHost> {
  const hosts: string[] = [];
  const listeners: string[] = [];
  for (const each of await readdir(join(settings.root, "ipv6/conf"))) {
    if (["all", "default", "lo", name].includes(each)) continue;
    if ((await get(settings, `ipv6/conf/${each}/forwarding`)) !== "0") continue;
    if (!plainName.test(each)) {
      throw new HomieError("MeshUnavailable", `IPv6 cannot be relayed beside an interface called ${inert(each)}`, {
        hint: "give it another name: ip link set dev OLD name NEW",
      });
    }
    hosts.push(each);
    if ((await get(settings, `ipv6/conf/${each}/accept_ra`)) === "1") listeners.push(each);
  }
  return { hosts: hosts.toSorted(), listeners: listeners.toSorted() };
}

/**
 * For older kernels. A router hears no router advertisements, and a machine that becomes one forgets its own default route, unless
 * `accept_ra` is 2: so that comes first.
 */
export async function makeRouter6(settings: Settings, { listeners }: WasHost): Promise<void> {
  for (const each of listeners) await replace(settings, `ipv6/conf/${each}/accept_ra`, "1", "2");
  await put(settings, "ipv6/conf/all/forwarding", "1");
}

export async function makeHost6(settings: Settings, { listeners }: WasHost): Promise<void> {
  await put(settings, "ipv6/conf/all/forwarding", "0");
  for (const each of listeners) await replace(settings, `ipv6/conf/${each}/accept_ra`, "2", "1");
}

/** Leaves alone what somebody else has changed in the meantime, and what is gone. */
async function replace(settings: Settings, setting: string, from: string, to: string): Promise<void> {
  if ((await get(settings, setting)) === from) await put(settings, setting, to);
}

async function put(settings: Settings, setting: string, value: string): Promise<void> {
  const before = await get(settings, setting);
  if (before === value) return;
  // No interface, or no IPv6: off already.
  if (before === undefined && value === "0") return;
  const name = setting.replaceAll("/", ".");
  if (before === undefined) throw new HomieError("MeshUnavailable", `there is no net.${name}: is the interface up?`);
  try {
    await writeFile(join(settings.root, setting), value, { flag: "r+" });
  } catch (cause) {
    const message = `cannot set net.${name} to ${value}: ${(cause as NodeJS.ErrnoException).code ?? "unknown error"}`;
    throw new HomieError("MeshUnavailable", message, { hint: `sudo sysctl -w net.${name}=${value}`, cause });
  }
  settings.changed(`net.${name}`, value);
}

async function get(settings: Settings, setting: string): Promise<string | undefined> {
  try {
    return (await readFile(join(settings.root, setting), "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function inert(text: string): string {
  return JSON.stringify(text.replace(/[^\x20-\x7e]/g, "?"));
}
