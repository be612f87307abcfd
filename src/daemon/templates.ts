import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { HomieError } from "../resources/errors.ts";
import { buildTemplate, scriptPath } from "../controllers/job/template.ts";
import type { RuntimeHealth } from "../controllers/attempt/ports.ts";
import type { Templates } from "../controllers/job/ports.ts";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import type { Job } from "../resources/job.ts";

/** What has to be asked of the script itself. */
export interface Scripts {
  /** Up to the first line break; a text that says what is wrong when the file cannot be read. */
  readFirstLine(
    path: string,
  ): Promise<{ readonly ok: true; readonly line: string } | { readonly ok: false; readonly message: string }>;
  /** Throws when no interpreter is known. */
  argv(path: string, firstLine: string, args: readonly string[]): readonly string[];
}

export interface TemplateSources {
  readonly scripts: Scripts;
  readonly limits: () => EffectiveLimits;
  readonly environments: () => { readonly images: ReadonlyMap<string, string>; readonly byDefault?: string };
  readonly baseDirectory: (job: Job) => string;
  readonly health: (runtime: "docker" | "process") => Promise<RuntimeHealth>;
}

/** Builds what a Job's attempt runs from the Job, this machine's settings and the script's own first line. */
export function createTemplates(sources: TemplateSources): Templates {
  return {
    async build(job) {
      const limits = sources.limits();
      const health = await sources.health(limits.runtime);
      const baseDirectory = sources.baseDirectory(job);
      const script = scriptPath(job.spec, baseDirectory, homedir());
      const head =
        script === undefined ? ({ ok: true, line: "" } as const) : await sources.scripts.readFirstLine(script);
      if (!head.ok) return { ok: false, fixable: false, reason: "SourceUnreadable", message: head.message };
      const { images, byDefault } = sources.environments();
      const outcome = buildTemplate(job, {
        baseDirectory,
        homeDirectory: homedir(),
        limits,
        environments: images,
        ...(byDefault === undefined ? {} : { defaultEnvironment: byDefault }),
        scriptArgv: (path, args) => interpret(sources.scripts, path, head.line, args),
        sha256: (text) => createHash("sha256").update(text).digest("hex"),
      });
      return health.ok || !outcome.ok ? outcome : { ...outcome, engineProblem: `${health.message}; ${health.hint}` };
    },
  };
}

function interpret(
  scripts: Scripts,
  path: string,
  firstLine: string,
  args: readonly string[],
): readonly string[] | string {
  try {
    return scripts.argv(path, firstLine, args);
  } catch (error) {
    if (error instanceof HomieError)
      return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
    throw error;
  }
}
