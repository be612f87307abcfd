import { tunnelEndpointProblem } from "./membership/mesh-addresses.ts";
import type { LiveRecord, RecordGpu, RecordShare, RecordTunnel } from "./record.ts";

/** More than any machine has: a claim above it is lowered, so that no arithmetic on it overflows. */
const most = { cpu: 4_096, bytes: 2 ** 50, gpus: 64, jobs: 100_000, dateMs: 8.64e15 };
const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const maxEndpoints = 8;
const maxCounter = 2 ** 48 - 1;

type Fields = Readonly<Record<string, unknown>>;

/** The record a payload tells of; undefined when a field is missing, of another type, or cannot be true. */
export function readFacts(value: unknown): LiveRecord | undefined {
  if (!isFields(value)) return undefined;
  const words = readWords(value);
  const boot = counter(value["boot"]);
  const seq = counter(value["seq"]);
  const gpus = readGpus(value["gpus"]);
  const allocatable = readShare(value["allocatable"]);
  const allocated = readShare(value["allocated"]);
  const endpoints = readEndpoints(value["endpoints"]);
  const sizes = readSizes(value);
  if (words === undefined || boot === undefined || seq === undefined || sizes === undefined) return undefined;
  if (gpus === undefined || allocatable === undefined || allocated === undefined) return undefined;
  if (endpoints === undefined) return undefined;
  const optional = { ...readTerms(value["lends"]), ...readClock(value["wallClockMs"]), ...readTunnel(value["tunnel"]) };
  return { ...words, boot, seq, ...sizes, gpus, allocatable, allocated, endpoints, ...optional };
}

function readWords({ node, name, version }: Fields): Pick<LiveRecord, "node" | "name" | "version"> | undefined {
  if (typeof node !== "string" || !/^[a-z2-7]{25}$/.test(node)) return undefined;
  if (typeof name !== "string" || !dnsLabel.test(name)) return undefined;
  if (typeof version !== "string" || !/^[0-9A-Za-z.+-]{1,64}$/.test(version)) return undefined;
  return { node, name, version };
}

type Sizes = Pick<LiveRecord, "cpuCount" | "cpuUsedPercent" | "memoryTotal" | "memoryFree" | "diskFree" | "jobs">;

function readSizes(value: Fields): Sizes | undefined {
  const sizes = readNumbers(value, {
    cpuCount: most.cpu,
    cpuUsedPercent: 100,
    memoryTotal: most.bytes,
    memoryFree: most.bytes,
    diskFree: most.bytes,
    jobs: most.jobs,
  });
  if (sizes === undefined) return undefined;
  return { ...sizes, cpuCount: Math.max(1, sizes.cpuCount), memoryFree: Math.min(sizes.memoryFree, sizes.memoryTotal) };
}

function readGpus(value: unknown): readonly RecordGpu[] | undefined {
  if (!Array.isArray(value) || value.length > most.gpus) return undefined;
  const gpus = value.map((each: unknown) => {
    if (!isFields(each) || typeof each["model"] !== "string" || each["model"].length > 128) return undefined;
    const numbers = readNumbers(each, { memoryTotal: most.bytes, memoryFree: most.bytes, usedPercent: 100 });
    return numbers === undefined ? undefined : { model: printable(each["model"]), ...numbers };
  });
  return gpus.every((gpu) => gpu !== undefined) ? gpus : undefined;
}

function readShare(value: unknown): RecordShare | undefined {
  if (!isFields(value)) return undefined;
  return readNumbers(value, {
    cpu: most.cpu,
    memory: most.bytes,
    disk: most.bytes,
    gpus: most.gpus,
    jobs: most.jobs,
  });
}

/** Looked at field by field where it is used; a record is small and not deep whatever is in it. */
function readTerms(value: unknown): Pick<LiveRecord, "lends"> {
  return isFields(value) ? { lends: value } : {};
}

/** Absent in older versions, and no reason to refuse a record. */
function readClock(value: unknown): Pick<LiveRecord, "wallClockMs"> {
  return typeof value === "number" && Math.abs(value) <= most.dateMs ? { wallClockMs: value } : {};
}

const placeKinds: readonly unknown[] = ["lan", "public", "mapped", "seen"];
const natKinds: readonly unknown[] = ["none", "endpoint-independent", "symmetric", "udp-blocked", "unknown"];
const maxPlaces = 12;

/** A place where no peer can be is left out; the rest of the record is as good as before. */
function readTunnel(value: unknown): Pick<LiveRecord, "tunnel"> {
  if (!isFields(value) || !Array.isArray(value["places"])) return {};
  const { places, nat, relays, knows } = value;
  const sound = places.slice(0, maxPlaces).filter((each): each is RecordTunnel["places"][number] => {
    const { kind, endpoint } = isFields(each) ? each : {};
    return placeKinds.includes(kind) && typeof endpoint === "string" && tunnelEndpointProblem(endpoint) === undefined;
  });
  const kept = sound.map(({ kind, endpoint }) => ({ kind, endpoint }));
  const known = natKinds.includes(nat) ? (nat as RecordTunnel["nat"]) : "unknown";
  const isDigest = typeof knows === "string" && /^[A-Za-z0-9_-]{22}$/.test(knows);
  return { tunnel: { places: kept, nat: known, relays: relays === true, ...(isDigest ? { knows } : {}) } };
}

function readEndpoints(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > maxEndpoints) return undefined;
  return value.every((each): each is string => typeof each === "string" && /^[0-9A-Fa-f.:[\]]{3,64}$/.test(each))
    ? value
    : undefined;
}

/** Every name at least 0 and at most its limit. */
function readNumbers<K extends string>(
  value: Fields,
  limits: Readonly<Record<K, number>>,
): Readonly<Record<K, number>> | undefined {
  const read: Record<string, number> = {};
  for (const [name, limit] of Object.entries<number>(limits)) {
    const number = value[name];
    if (typeof number !== "number" || !Number.isFinite(number) || number < 0) return undefined;
    read[name] = Math.min(number, limit);
  }
  return read as Record<K, number>;
}

function counter(value: unknown): number | undefined {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= maxCounter ? Number(value) : undefined;
}

function printable(text: string): string {
  return text.replaceAll(/[^ -~]/g, "?");
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
