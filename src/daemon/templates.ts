import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { argvForScript } from "../adapters/project/interpreters.ts";
import { buildTemplate, scriptPath } from "../controllers/job/template.ts";
import type { RuntimeHealth } from "../controllers/attempt/ports.ts";
import type { Templates } from "../controllers/job/ports.ts";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import type { Job } from "../resources/job.ts";

export interface TemplateSources {
  readonly limits: () => EffectiveLimits;
  readonly environments: () => { readonly images: ReadonlyMap<string, string>; readonly byDefault?: string };
  readonly baseDirectory: (job: Job) => string;
  readonly health: (runtime: "docker" | "process") => Promise<RuntimeHealth>;
}

/** A `#!` line is never longer than this on any kernel. */
const firstLineBytes = 512;

/** Builds what a Job's attempt runs from the Job, this machine's settings and the script's own first line. */
export function createTemplates(sources: TemplateSources): Templates {
  return {
    async build(job) {
      const limits = sources.limits();
      const health = await sources.health(limits.runtime);
      if (!health.ok) {
        return { ok: false, fixable: true, reason: "EngineUnavailable", message: `${health.message}; ${health.hint}` };
      }
      const baseDirectory = sources.baseDirectory(job);
      const script = scriptPath(job.spec, baseDirectory, homedir());
      const head = script === undefined ? { ok: true, line: "" } : await readFirstLine(script);
      if (!head.ok) return { ok: false, fixable: false, reason: "SourceUnreadable", message: head.line };
      const { images, byDefault } = sources.environments();
      return buildTemplate(job, {
        baseDirectory,
        homeDirectory: homedir(),
        limits,
        environments: images,
        ...(byDefault === undefined ? {} : { defaultEnvironment: byDefault }),
        scriptArgv: (path, args) => interpret(path, head.line, args),
        sha256: (text) => createHash("sha256").update(text).digest("hex"),
      });
    },
  };
}

function interpret(path: string, firstLine: string, args: readonly string[]): readonly string[] | string {
  try {
    return argvForScript(path, firstLine, args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function readFirstLine(path: string): Promise<{ readonly ok: boolean; readonly line: string }> {
  try {
    await using file = await open(path, "r");
    const stat = await file.stat();
    if (!stat.isFile()) return { ok: false, line: `spec.script: ${path} is not a regular file` };
    const { buffer, bytesRead } = await file.read(Buffer.alloc(firstLineBytes), 0, firstLineBytes, 0);
    return { ok: true, line: buffer.subarray(0, bytesRead).toString("latin1").split("\n", 1)[0] ?? "" };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { ok: false, line: `spec.script: ${path} cannot be read (${code === "ENOENT" ? "no such file" : code})` };
  }
}
