import { familiarGlob } from "./image-names.ts";
import type { AllowFacts, GpuFacts, PeerClaims, PeerFacts, PeerKnowledge, Supply } from "./peer-facts.ts";

/** No machine a friend owns is larger; the schemas refuse Jobs that ask for more. */
const most = {
  cores: 1024,
  bytes: 2 ** 52,
  gpus: 64,
  gpuBytes: 2 ** 40,
  jobs: 1000,
  peers: 1000,
  images: 256,
} as const;
const longestText = 256;

/** Most peers say nothing about these: they share one object. */
const unlimited: Supply = { total: Infinity, free: Infinity };
const allowedByDefault: AllowFacts = { networks: ["none"] };

type Fields = Readonly<Record<string, unknown>>;

/**
 * Joins what a peer advertises to what is known here. Whatever it sends, the result is well-formed: amounts are finite,
 * within reason and never freer than whole, texts are short and printable, and a field that is missing or no sense
 * counts as the answer that brings the peer no work. Fields of `known` cannot be overwritten.
 */
export function sanitizePeerFacts(untrusted: unknown, known: PeerKnowledge, clockAheadMs = 0): PeerFacts {
  const said = fieldsOf(untrusted);
  const machineCores = amount(said["machineCores"], most.cores);
  const snoozedUntilMs = moment(said["snoozedUntil"]);
  const claims: PeerClaims = {
    platform: platform(said["platform"]),
    machineCores,
    // Silence about the load is no idleness.
    load: isAmount(said["load"]) ? Math.min(said["load"], machineCores) : machineCores,
    cpu: supply(said["cpu"], machineCores),
    memoryBytes: supply(said["memoryBytes"], most.bytes),
    diskBytes: supply(said["diskBytes"], most.bytes),
    jobs: jobSlots(said["jobs"]),
    gpus: listOf(said["gpus"], most.gpus).map(gpu),
    ...(said["gpusLent"] === undefined ? {} : { gpusLent: supply(said["gpusLent"], most.gpus) }),
    allow: said["allow"] === undefined ? allowedByDefault : allowed(fieldsOf(said["allow"])),
    // A peer's own wrong clock must not keep it asleep here: `clockAheadMs` is how far it was measured to be ahead.
    ...(snoozedUntilMs === undefined ? {} : { snoozedUntilMs: snoozedUntilMs - clockAheadMs }),
    quiet: said["quiet"] === true,
    onBattery: said["onBattery"] === true,
    takesWorkOnBattery: said["takesWorkOnBattery"] === true,
    idle: said["idle"] === true,
    onlyWhenIdle: said["onlyWhenIdle"] === true,
    runtime: said["runtime"] === "process" ? "process" : "docker",
  };
  return { ...claims, ...known };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown, longest: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, longest) : [];
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}

/** NaN and what is below zero or no number are nothing; what is beyond reason is the largest reasonable. */
function amount(value: unknown, largest: number): number {
  return isAmount(value) ? Math.min(value, largest) : 0;
}

function supply(value: unknown, largest: number): Supply {
  const fields = fieldsOf(value);
  const total = amount(fields["total"], largest);
  return { total, free: amount(fields["free"], total) };
}

/** JSON has no Infinity: without a limit the peer leaves the total out. */
function jobSlots(value: unknown): Supply {
  const fields = fieldsOf(value);
  if (fields["total"] === undefined && fields["free"] === undefined) return unlimited;
  return supply(fields, most.jobs);
}

function gpu(value: unknown): GpuFacts {
  const fields = fieldsOf(value);
  return {
    model: text(fields["model"]),
    memoryBytes: amount(fields["memoryBytes"], most.gpuBytes),
    free: fields["free"] === true,
  };
}

/** Shown in terminals and in status: no control or formatting characters. */
function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, longestText).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "") : "";
}

function texts(value: unknown, longest: number): readonly string[] {
  return listOf(value, longest).map(text);
}

function allowed(fields: Fields): AllowFacts {
  return {
    ...(fields["peers"] === undefined ? {} : { peers: texts(fields["peers"], most.peers) }),
    ...(fields["images"] === undefined ? {} : { images: texts(fields["images"], most.images).map(familiarGlob) }),
    networks:
      fields["networks"] === undefined
        ? ["none"]
        : (["none", "egress"] as const).filter((mode) => listOf(fields["networks"], 8).includes(mode)),
  };
}

function platform(value: unknown): string {
  return typeof value === "string" && /^[a-z0-9]{1,32}\/[a-z0-9_]{1,32}(?:\/v[0-9]{1,2})?$/.test(value) ? value : "";
}

function moment(value: unknown): number | undefined {
  const parsed = typeof value === "string" && value.length <= 40 ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}
