import { BlockList, isIP } from "node:net";

export interface Endpoint {
  /** IP address or DNS name, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** HOST, HOST:PORT, [IPV6]:PORT or a bare IPv6 address; undefined for anything else. */
export function parseEndpoint(text: string, defaultPort: number): Endpoint | undefined {
  if (isIP(text) === 6) return { host: text, port: defaultPort };
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = portText === undefined ? defaultPort : Number(portText);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return bracketed !== undefined && isIP(bracketed) !== 6 ? undefined : { host, port };
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** IPv4 addresses that came through an IPv6 socket, written as what they are. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** Well-known services: a member must not make the crew knock at somebody's mail or SSH server. */
const lowestPort = 1024;

/** Nobody of a crew can be there, whoever says so. */
const nowhere = new BlockList();
nowhere.addSubnet("0.0.0.0", 8, "ipv4");
nowhere.addSubnet("127.0.0.0", 8, "ipv4");
nowhere.addSubnet("169.254.0.0", 16, "ipv4");
nowhere.addSubnet("224.0.0.0", 3, "ipv4");
nowhere.addAddress("::", "ipv6");
nowhere.addAddress("::1", "ipv6");
nowhere.addSubnet("ff00::", 8, "ipv6");
nowhere.addSubnet("fe80::", 10, "ipv6");

/**
 * Why an endpoint that others told of is never dialled; undefined when it may be tried. `own` are this machine's
 * addresses, those of its container bridges included. What the owner typed is not asked here.
 */
export function endpointProblem({ host, port }: Endpoint, own: ReadonlySet<string>): string | undefined {
  const family = isIP(host);
  if (family === 0) return "is a name, and only addresses are taken from others";
  if (port < lowestPort || port > 65_535) return "has a port outside 1024 to 65535";
  if (nowhere.check(host, family === 6 ? "ipv6" : "ipv4")) return "is an address where no peer can be";
  if (own.has(host)) return "is an address of this machine";
  return undefined;
}
