import { randomInt } from "node:crypto";
import { basename, isAbsolute, relative, resolve, sep } from "node:path";
import type { AttemptSources } from "../../resources/attempt.ts";
import type { JobInput, JobResources, JobSpec } from "../../resources/generated/types.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import { readRetries, readTimeout, readVariables } from "./options.ts";
import type { Program, RunOptions, Wish } from "./options.ts";

/** Where things are on this machine; all absolute. */
export interface Places {
  readonly directory: string;
  /** Undefined: only what is named travels. */
  readonly project: string | undefined;
  /** Of a job that runs one. */
  readonly script: string | undefined;
}
export interface JobManifest {
  readonly apiVersion: "homie.dev/v1";
  readonly kind: "Job";
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: JobSpec;
}
export interface Draft {
  readonly manifest: JobManifest;
  /** What the daemon will send, as it will find it. */
  readonly sources: AttemptSources;
}

/** The Job a command line stands for. Paths in it are absolute, so that the file says the same wherever it lies. */
export function draftJob(wish: Wish, places: Places): Draft {
  const { options, program } = wish;
  const name = options.name ?? makeName(program);
  const inputs = (options.filename ?? []).map((file) => inputOf(file, places));
  const out = resolve(places.directory, options.out ?? ".");
  const paths = options.oGlob ?? [];
  const spec: JobSpec = withoutUndefined({
    image: options.image,
    environment: options.env,
    ...programOf(program, places),
    env: listOrNothing(readVariables(options.set)),
    project: places.project === undefined ? undefined : { path: places.project },
    inputs: listOrNothing(inputs),
    outputs: [{ ...(paths.length === 0 ? {} : { paths }), to: out, when: "Always" as const }],
    resources: resourcesOf(options, wish.gpus),
    peer: options.peer,
    network: options.network as JobSpec["network"],
    timeoutSeconds: readTimeout(options.timeout),
    backoffLimit: readRetries(options.retries),
    guarantee: options.atMostOnce === true ? ("AtMostOnce" as const) : undefined,
  });
  const annotations = options.force === true ? { annotations: { "homie.dev/overwrite": "true" } } : {};
  return {
    manifest: { apiVersion: "homie.dev/v1", kind: "Job", metadata: { name, ...annotations }, spec },
    sources: sourcesOf(inputs, places),
  };
}

function programOf(program: Program, places: Places): Pick<JobSpec, "script" | "command" | "args"> {
  if (program.type === "command") {
    const [first = "", ...args] = program.argv;
    return { command: [first], ...(args.length === 0 ? {} : { args }) };
  }
  const { script: file = "", project } = places;
  const script = project === undefined ? file : (within(project, file) ?? file);
  return { script, ...(program.args.length === 0 ? {} : { args: program.args }) };
}

/** What lies in the project keeps its place, another file of this directory too; the rest lands at the top. */
function inputOf(file: string, { directory, project }: Places): JobInput {
  const path = resolve(directory, file);
  const mountPath = (project === undefined ? undefined : within(project, path)) ?? within(directory, path);
  return { path, mountPath: mountPath ?? basename(path) };
}

/** Relative with forward slashes; undefined when it lies elsewhere, or is the directory itself. */
function within(directory: string, path: string): string | undefined {
  const inside = relative(directory, path);
  if (inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return undefined;
  return inside.split(sep).join("/");
}

function sourcesOf(inputs: readonly JobInput[], { project, script }: Places): AttemptSources {
  const files = inputs.map(({ path, mountPath }) => ({ from: path, to: mountPath }));
  if (script !== undefined) {
    const inside = project === undefined ? undefined : within(project, script);
    files.push({ from: script, to: inside ?? basename(script) });
  }
  return { ...(project === undefined ? {} : { projectPath: project }), exclude: [], files };
}

function resourcesOf({ cpu, memory, disk }: RunOptions, gpus: number | undefined): JobResources | undefined {
  // "2" is a number in a manifest, "500m" and "4g" are text.
  const amount = (text: string): number | string => (/^\d+(\.\d+)?$/u.test(text) ? Number(text) : text);
  const resources = withoutUndefined({
    cpu: cpu === undefined ? undefined : amount(cpu),
    memory: memory === undefined ? undefined : amount(memory),
    disk: disk === undefined ? undefined : amount(disk),
    gpu: gpus === undefined ? undefined : { count: gpus },
  });
  return Object.keys(resources).length === 0 ? undefined : resources;
}

function listOrNothing<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** No vowels, so no words. */
const suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";
const longestStem = 40;

function makeName(program: Program): string {
  const file = basename(program.type === "script" ? program.file : (program.argv[0] ?? ""));
  const stem = file
    .replace(/\.[^.]*$/u, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, "-")
    .slice(0, longestStem)
    .replace(/^-+|-+$/gu, "");
  const suffix = Array.from({ length: 5 }, () => suffixAlphabet[randomInt(suffixAlphabet.length)]).join("");
  return `${stem === "" ? "job" : stem}-${suffix}`;
}
