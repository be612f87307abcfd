/** An address as numbers: comparable without regard to how it was written. */
interface Address {
  readonly family: 4 | 6;
  readonly words: bigint;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly address: Address;
  /** IP:PORT or [IP]:PORT, written the one way it is compared by. */
  readonly text: string;
}

/** Where a range of addresses is: behind a router, on the internet, or no place for a peer. */
export type Reach = "private" | "public" | "never";

const never4 = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"];
/** RFC 1918 and RFC 6598: behind a router, or behind a carrier's. */
const private4 = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

export function parseAddress(text: string): Address | undefined {
  if (/^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/.test(text)) {
    const parts = text.split(".").map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    return { family: 4, words: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) };
  }
  if (!/^[0-9A-Fa-f:]{2,39}$/.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  const host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [head = "", tail] = host.split("::");
  const left = head.split(":").filter(Boolean);
  const right = (tail ?? "").split(":").filter(Boolean);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  const words = [...left, ...zeros, ...right].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
  return { family: 6, words };
}

/** Undefined for what is no IP:PORT, or a port that services of the system have: nobody makes WireGuard knock there. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:([0-9.]{7,15})|\[([0-9A-Fa-f:]{2,39})\]):([1-9][0-9]{3,4})$/.exec(text);
  if (match === null) return undefined;
  const [, plain, bracketed, digits] = match;
  const port = Number(digits);
  const address = parseAddress(plain ?? bracketed ?? "");
  if (address === undefined || port < 1_024 || port > 65_535) return undefined;
  const host = plain ?? new URL(`http://[${bracketed ?? ""}]/`).hostname.slice(1, -1);
  return { host, port, address, text: formatEndpoint(host, port) };
}

export function formatEndpoint(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function reachOf({ family, words }: Address): Reach {
  if (family === 4) {
    if (never4.some((cidr) => isWithin({ family, words }, cidr))) return "never";
    return private4.some((cidr) => isWithin({ family, words }, cidr)) ? "private" : "public";
  }
  if (words >> 121n === 0xfcn >> 1n) return "private";
  return words >> 125n === 1n ? "public" : "never";
}

/** `cidr` is sound; a bare address is a range of one. */
export function isWithin(address: Address, cidr: string): boolean {
  const [text = "", bits] = cidr.split("/");
  const network = parseAddress(text);
  if (network?.family !== address.family) return false;
  const size = network.family === 4 ? 32 : 128;
  const shift = BigInt(size - Math.min(size, bits === undefined ? size : Number(bits)));
  return network.words >> shift === address.words >> shift;
}

/** The canonical endpoint where a peer can be; undefined for everything else, the mesh's own addresses among it. */
export function usableEndpoint(text: string, meshRanges: readonly string[]): Endpoint | undefined {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined || reachOf(endpoint.address) === "never") return undefined;
  return meshRanges.some((range) => isWithin(endpoint.address, range)) ? undefined : endpoint;
}
