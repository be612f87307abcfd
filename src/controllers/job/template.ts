import { posix, resolve } from "node:path";
import type { AttemptResources, AttemptSources, OutputRule } from "../../resources/attempt.ts";
import { canonicalJson } from "../../resources/canonical.ts";
import type { Job, JobSpec } from "../../resources/job.ts";
import { parseBytes, parseCpu } from "../../resources/quantities.ts";
import type { EffectiveLimits } from "../../scheduler/effective-limits.ts";
import { defaultRequest } from "../../scheduler/placement-request.ts";
import type { AttemptTemplate, TemplateOutcome } from "./ports.ts";

/** Everything a job may write lies here in its container. */
const workDirectory = "/work/job";

export interface TemplateFacts {
  /** Relative paths of the Job start here. */
  readonly baseDirectory: string;
  /** For "~/". */
  readonly homeDirectory: string;
  readonly limits: EffectiveLimits;
  /** Image names by environment, and the one used when a Job names neither image nor environment. */
  readonly environments: ReadonlyMap<string, string>;
  readonly defaultEnvironment?: string;
  /** Exact argument vector of the script as it lies below the work directory; a text says why there is none. */
  readonly scriptArgv: (pathInWork: string, args: readonly string[]) => readonly string[] | string;
  readonly sha256: (text: string) => string;
}

/** Turns a Job into what one attempt of it runs. Pure. */
export function buildTemplate(job: Job, facts: TemplateFacts): TemplateOutcome {
  const { spec } = job;
  const sources = sourcesOf(spec, facts);
  if (typeof sources === "string") return refused("InvalidInput", sources);
  const argv = argvOf(spec, sources, facts);
  if (typeof argv === "string") return refused("InvalidScript", argv);
  const found = imageOf(spec, facts);
  // Without containers no image is needed here; it goes along for a peer that has them.
  const image = typeof found === "string" && facts.limits.runtime === "process" ? { image: spec.image } : found;
  if (typeof image === "string") return { ok: false, fixable: true, reason: "EnvironmentMissing", message: image };
  const timeoutSeconds = lower(spec.timeoutSeconds, facts.limits.timeoutSeconds);
  const template: Omit<AttemptTemplate, "specSha256"> = {
    runtime: facts.limits.runtime,
    ...(image.image === undefined ? {} : { image: image.image }),
    argv,
    env: spec.env ?? [],
    workingDir: workingDirOf(spec),
    network: spec.network ?? "none",
    resources: resourcesOf(spec, facts.limits),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    sources,
    outputs: outputsOf(spec, facts),
  };
  return { ok: true, template: { ...template, specSha256: facts.sha256(canonicalJson(template)) } };
}

/** Absolute path of the script on this machine; undefined for a Job with a command. */
export function scriptPath(spec: JobSpec, baseDirectory: string, homeDirectory: string): string | undefined {
  if (spec.script === undefined) return undefined;
  const root = spec.project === undefined ? baseDirectory : absolute(spec.project.path, baseDirectory, homeDirectory);
  return absolute(spec.script, root, homeDirectory);
}

function refused(reason: string, message: string): TemplateOutcome {
  return { ok: false, fixable: false, reason, message };
}

function absolute(path: string, baseDirectory: string, homeDirectory: string): string {
  if (path === "~") return homeDirectory;
  return path.startsWith("~/") ? resolve(homeDirectory, path.slice(2)) : resolve(baseDirectory, path);
}

function sourcesOf(spec: JobSpec, facts: TemplateFacts): AttemptSources | string {
  const files: { from: string; to: string }[] = [];
  for (const [index, input] of (spec.inputs ?? []).entries()) {
    const to = placeInWork(input.mountPath);
    if (to === undefined)
      return `spec.inputs[${index}].mountPath: "${input.mountPath}" is outside of ${workDirectory}; give a path relative to it`;
    files.push({ from: absolute(input.path, facts.baseDirectory, facts.homeDirectory), to });
  }
  const script = scriptPath(spec, facts.baseDirectory, facts.homeDirectory);
  // Named by the Job, so it travels even if an ignore file leaves it out of the project.
  if (script !== undefined) files.push({ from: script, to: scriptInWork(spec) });
  const { project } = spec;
  if (project === undefined) return { exclude: [], files };
  return {
    projectPath: absolute(project.path, facts.baseDirectory, facts.homeDirectory),
    exclude: project.exclude ?? [],
    files,
  };
}

/** Inside the project a script keeps its place; otherwise it lands at the top by its own name. */
function scriptInWork(spec: JobSpec): string {
  const script = (spec.script ?? "").replaceAll("\\", "/");
  const inside = spec.project !== undefined && !script.startsWith("/") && !script.startsWith("~");
  const path = posix.normalize(script);
  return inside && !path.startsWith("..") ? path : posix.basename(path);
}

function placeInWork(mountPath: string): string | undefined {
  const path = posix.normalize(posix.resolve(workDirectory, mountPath));
  if (path === workDirectory) return undefined;
  return path.startsWith(`${workDirectory}/`) ? path.slice(workDirectory.length + 1) : undefined;
}

function workingDirOf(spec: JobSpec): string {
  if (spec.workingDir === undefined) return "";
  return placeInWork(spec.workingDir) ?? "";
}

function argvOf(spec: JobSpec, sources: AttemptSources, facts: TemplateFacts): readonly string[] | string {
  if (spec.command !== undefined) return [...spec.command, ...(spec.args ?? [])];
  const script = sources.files.at(-1)?.to;
  if (spec.script === undefined || script === undefined) return "spec needs script or command";
  const fromWorkingDir = posix.relative(workingDirOf(spec) || ".", script) || script;
  return facts.scriptArgv(fromWorkingDir, spec.args ?? []);
}

function imageOf(spec: JobSpec, facts: TemplateFacts): { image: string } | string {
  if (spec.image !== undefined) return { image: spec.image };
  const environment = spec.environment ?? facts.defaultEnvironment;
  if (environment === undefined) {
    return "no image: set spec.image or spec.environment, or make a default with `homie env create NAME --image IMAGE` and `homie env default NAME`";
  }
  const image = facts.environments.get(environment);
  if (image !== undefined) return { image };
  const known = [...facts.environments.keys()];
  const list = known.length === 0 ? "none is defined" : `known: ${known.join(", ")}`;
  return `environment "${environment}" is not defined (${list}); homie env create ${environment} --image IMAGE`;
}

function resourcesOf(spec: JobSpec, limits: EffectiveLimits): AttemptResources {
  const asked = spec.resources;
  const { allocatable } = limits;
  return {
    cpu: (asked?.cpu === undefined ? undefined : parseCpu(asked.cpu)) ?? Math.min(defaultRequest.cpu, allocatable.cpu),
    memoryBytes:
      (asked?.memory === undefined ? undefined : parseBytes(asked.memory)) ??
      Math.min(defaultRequest.memoryBytes, allocatable.memoryBytes),
    diskBytes:
      (asked?.disk === undefined ? undefined : parseBytes(asked.disk)) ??
      Math.min(defaultRequest.diskBytes, allocatable.diskBytes),
    pids: limits.pids,
  };
}

function outputsOf(spec: JobSpec, facts: TemplateFacts): readonly OutputRule[] {
  // Nothing said: everything new or changed, also after a failure, when the training log matters most.
  if (spec.outputs === undefined) return [{ paths: [], exclude: [], required: false, when: "Always" }];
  return spec.outputs.map((output) => {
    const maxBytes = output.maxSize === undefined ? undefined : parseBytes(output.maxSize);
    return {
      paths: output.paths ?? [],
      exclude: output.exclude ?? [],
      ...(output.to === undefined ? {} : { to: absolute(output.to, facts.baseDirectory, facts.homeDirectory) }),
      required: output.required ?? false,
      ...(maxBytes === undefined ? {} : { maxBytes }),
      when: output.when ?? "OnSuccess",
    };
  });
}

function lower(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
