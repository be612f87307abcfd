import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { LineCounter, parseDocument, type Document } from "yaml";
import { HomieError } from "../../resources/errors.ts";
import { InvalidResourceError } from "../../store/declared-errors.ts";
import type { HomePaths } from "../home.ts";
import { atomicWriteSync } from "./atomic-write.ts";
import { createConfigFields, type ConfigFields } from "./config-fields.ts";
import { stampAt } from "./file-stamp.ts";

/** config.yaml: who this machine is. What others may use of it is the Limits resource. */
export interface Config {
  /** DNS label; the machine's host name unless said otherwise. */
  readonly name: string;
  readonly groupSecret?: string;
  /** UDP port of the beacons; 0: none are sent or heard. */
  readonly discoveryPort: number;
  /** TCP port of the peer listener; 0: any free one. */
  readonly workerPort: number;
  /** Environment name to image reference. */
  readonly environments: ReadonlyMap<string, string>;
  readonly defaultEnvironment?: string;
  /** False: status blocks are never written into desired/. */
  readonly mirrorStatus: boolean;
  /** False: no router is asked to map a port to the tunnel. */
  readonly portMapping: boolean;
  readonly heartbeatIntervalSeconds: number;
  readonly peerTimeoutSeconds: number;
  /** What an older homie kept here and Limits holds now. */
  readonly legacyLimits?: LegacyLimits;
  /** Keys homie does not know; kept in the file as they are. */
  readonly unknown: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}
export interface LegacyLimits {
  readonly cpu?: string | number;
  readonly memory?: string | number;
  readonly timeoutSeconds?: number;
}

/** Throws InvalidResourceError with file and line for a value that cannot be used; a missing file is all defaults. */
export function readConfig(paths: Pick<HomePaths, "config">): Config {
  return parseConfig(readText(paths.config) ?? "", paths.config);
}

export interface ConfigDraft {
  /** `["envs", "ml"]`; maps on the way are made. */
  set(path: readonly string[], value: string | number | boolean): void;
  remove(path: readonly string[]): void;
}

/** Changes single keys; comments, order and every other byte of meaning stay. The result must be a sound config. */
export function editConfig(paths: Pick<HomePaths, "config">, edit: (draft: ConfigDraft) => void): Config {
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const stamp = stampAt(paths.config);
    const document = parseText(readText(paths.config) ?? "", paths.config).document;
    edit({
      set: (path, value) => document.setIn(path, value),
      remove: (path) => void document.deleteIn(path),
    });
    const text = document.toString({ lineWidth: 0 });
    const config = parseConfig(text, paths.config);
    // It holds the group secret: readable by its owner only, whatever it was before.
    if (atomicWriteSync(paths.config, text, { mode: 0o600, confirm: () => stampAt(paths.config) === stamp }))
      return config;
  }
  throw new HomieError("Conflict", `cannot change ${paths.config}: it keeps being changed by somebody else`);
}

export function parseConfig(text: string, file: string): Config {
  const { document, lines } = parseText(text, file);
  const fields = createConfigFields(document, lines, file);
  const name = readName(fields);
  const groupSecret = fields.text("group_secret");
  const defaultEnvironment = fields.text("default_env");
  const legacyLimits = readLegacyLimits(fields);
  const config = {
    name,
    ...(groupSecret === undefined ? {} : { groupSecret }),
    discoveryPort: fields.integer("discovery_port", 0, 65_535) ?? 5555,
    workerPort: fields.integer("worker_port", 0, 65_535) ?? 5556,
    environments: fields.images("envs"),
    ...(defaultEnvironment === undefined ? {} : { defaultEnvironment }),
    mirrorStatus: fields.flag("mirror_status") ?? true,
    portMapping: fields.flag("port_mapping") ?? true,
    heartbeatIntervalSeconds: fields.number("heartbeat_interval", 0.1, 3600) ?? 2,
    peerTimeoutSeconds: fields.number("peer_timeout", 1, 86_400) ?? 30,
    ...(legacyLimits === undefined ? {} : { legacyLimits }),
    unknown: fields.unknown(),
  };
  if (fields.problems.length > 0) throw new InvalidResourceError(fields.problems);
  return { ...config, warnings: fields.warnings };
}

function readName(fields: ConfigFields): string {
  const given = fields.text("name");
  if (given === undefined) return dnsLabel(hostname());
  const label = dnsLabel(given);
  if (label !== given) fields.warn("name", `"${given}" is used as "${label}": a name is a DNS label (a-z, 0-9, -)`);
  return label;
}

function readLegacyLimits(fields: ConfigFields): LegacyLimits | undefined {
  const cpu = fields.quantity("container_cpu_limit");
  const memory = fields.quantity("container_memory_limit");
  const timeoutSeconds = fields.number("container_timeout", 1, 31_536_000);
  const limits = {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  };
  return Object.keys(limits).length === 0 ? undefined : limits;
}

/** "Bob's MacBook.local" becomes "bob-s-macbook". */
export function dnsLabel(text: string): string {
  const [host = ""] = text.normalize("NFKD").toLowerCase().split(".");
  const label = host
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return label === "" ? "homie" : label;
}

function parseText(text: string, file: string): { readonly document: Document; readonly lines: LineCounter } {
  const lines = new LineCounter();
  const document: Document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    lineCounter: lines,
    prettyErrors: false,
  });
  if (document.errors.length === 0) return { document, lines };
  throw new InvalidResourceError(
    document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { file, line, column: col, document: 0, path: "", message: error.message };
    }),
  );
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new HomieError("SourceUnreadable", `cannot read ${path}: ${String(error)}`, { cause: error });
  }
}
