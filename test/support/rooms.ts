import type { Import } from "./source-tree.ts";

/** One room of src/ and what it may import. `docs/architecture.md` draws this table, `.oxlintrc.json` enforces it too. */
export interface Room {
  readonly name: string;
  /** Rooms it may import from; its own is always allowed. */
  readonly imports: readonly string[];
  /** Single files of other rooms. */
  readonly files?: readonly string[];
  /** Rooms, or files by regular expression on the path, it may only `import type` from. */
  readonly types?: readonly (string | RegExp)[];
  /** Rooms it may only load with `await import()` (or take types from). */
  readonly lazy?: readonly string[];
  /** May use I/O modules of Node and I/O libraries. */
  readonly io?: true;
}

const ports = [/^src\/controllers\/[a-z]+\/ports\.ts$/, /^src\/api\/ports\.ts$/, /^src\/gossip\/ports\.ts$/];
const kinds = ["attempt", "job", "limits", "network", "peer", "remote"];
const base = ["resources", "reconciler", "scheduler", "trust", "gossip", "paths", "tar", "logs", "store"];

export const rooms: readonly Room[] = [
  { name: "resources", imports: [] },
  { name: "reconciler", imports: ["resources"] },
  { name: "scheduler", imports: ["resources"] },
  { name: "trust", imports: ["resources"] },
  { name: "gossip", imports: ["resources", "trust"] },
  { name: "paths", imports: ["resources"] },
  { name: "tar", imports: ["resources"] },
  { name: "logs", imports: ["resources"] },
  { name: "store", imports: ["resources", "reconciler"] },
  ...kinds.map((kind) => ({
    name: `controllers/${kind}`,
    imports: ["resources", "reconciler", "scheduler"],
    types: kind === "network" ? ["store", "paths"] : ["store"],
  })),
  {
    name: "adapters",
    imports: ["resources", "reconciler", "trust", "store", "tar", "logs"],
    types: ["scheduler", ...ports],
    io: true,
  },
  { name: "api", imports: ["resources", "store", "logs"], types: ["reconciler"] },
  {
    name: "daemon",
    imports: [...base, "adapters", "api", ...kinds.map((kind) => `controllers/${kind}`)],
    types: ["cli"],
    io: true,
  },
  { name: "cli", imports: ["resources", "logs"], types: ["api", "store"], files: ["src/adapters/home.ts"], io: true },
  { name: "main", imports: ["cli"], lazy: ["daemon"], io: true },
];

/** Rooms, and files of the controllers, in which nothing may depend on a clock, a dice or the process. */
export const pureSources: readonly string[] = [
  "src/{resources,reconciler,scheduler,gossip,paths,tar,logs}/**/*.ts",
  "src/controllers/*/{plan,summarize}.ts",
];

const ioModules =
  /^(?:node:(?:child_process|cluster|dgram|dns|fs|http|http2|https|inspector|module|net|os|perf_hooks|process|readline|repl|sqlite|test|timers|tls|tty|v8|vm|wasi|worker_threads)|dockerode|chokidar|systeminformation|pino|commander|hono|undici)(?:\/|$)/;

/** Where the API meets Node's server. */
const listening = /^src\/api\/(?:carry|serve)\.ts$/;

/** The room a path below src/ lies in; undefined for a folder the table does not know. */
export function roomOf(path: string): Room | undefined {
  const name = path === "src/main.ts" ? "main" : /^src\/((?:controllers\/)?[a-z]+)\//.exec(path)?.[1];
  return rooms.find((room) => room.name === name);
}

/** What is wrong with this import in this file, or undefined. */
export function judgeImport(path: string, imported: Import): string | undefined {
  const room = roomOf(path);
  if (room === undefined) return `${path} is in no room of test/support/rooms.ts`;
  const verdict = imported.specifier.startsWith(".") ? judgeArrow(room, imported) : judgeLibrary(path, room, imported);
  return verdict === undefined ? undefined : `${path} imports ${imported.specifier}: ${verdict}`;
}

function judgeArrow(room: Room, { target, form }: Import): string | undefined {
  const other = roomOf(target);
  if (other === undefined) return "it leads outside the rooms";
  if (other.name === room.name || room.imports.includes(other.name)) return undefined;
  if (room.files?.includes(target)) return undefined;
  const typesOnly = (room.types ?? []).some((rule) =>
    rule instanceof RegExp ? rule.test(target) : rule === other.name,
  );
  const lazyOnly = room.lazy?.includes(other.name) ?? false;
  if ((typesOnly || lazyOnly) && form === "type") return undefined;
  if (lazyOnly && form === "dynamic") return undefined;
  if (lazyOnly) return `${room.name} loads ${other.name} with await import() only`;
  return `${room.name} may ${typesOnly ? "take only types from" : "not import from"} ${other.name}`;
}

function judgeLibrary(path: string, room: Room, { specifier }: Import): string | undefined {
  if (room.io || !ioModules.test(specifier)) return undefined;
  if (room.name === "api" && (listening.test(path) || isRouter(specifier))) return undefined;
  return `${room.name} does no I/O: define a port and implement it in src/adapters/`;
}

/** One of hono's routers, which do no I/O; the rest of hono touches the globals that load undici. */
function isRouter(specifier: string): boolean {
  return specifier.startsWith("hono/router/");
}
