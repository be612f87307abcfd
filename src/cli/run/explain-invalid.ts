import type { ApiError } from "../failure.ts";
import { HomieError } from "../../resources/errors.ts";
import type { JobManifest } from "./draft.ts";

const flags: readonly (readonly [path: RegExp, flag: string])[] = [
  [/^metadata\.name$/u, "--name"],
  [/^spec\.image$/u, "--image"],
  [/^spec\.environment$/u, "--env"],
  [/^spec\.resources\.(cpu|memory|disk|gpu)\b/u, "--$1"],
  [/^spec\.peer$/u, "--peer"],
  [/^spec\.network$/u, "--network"],
  [/^spec\.timeoutSeconds$/u, "--timeout"],
  [/^spec\.backoffLimit$/u, "--retries"],
  [/^spec\.env\b/u, "-e"],
  [/^spec\.inputs\b/u, "-f"],
  [/^spec\.outputs\[0\]\.paths\b/u, "-o-glob"],
  [/^spec\.outputs\[0\]\.to$/u, "--out"],
];

/** What the API found wrong in a Job nobody wrote, in the words of the command line. */
export async function explainInvalid(error: ApiError, manifest: JobManifest): Promise<HomieError> {
  const { validateManifest } = await import("../../resources/validate.ts");
  const [issue] = validateManifest(manifest);
  if (issue === undefined) return error;
  const found = flags.find(([path]) => path.test(issue.path));
  const option =
    found === undefined ? issue.path : issue.path.replace(new RegExp(`${found[0].source}.*`, "u"), found[1]);
  const hint = issue.hint ?? `\`homie explain job.${issue.path.replace(/\[\d+\]/gu, "")}\` says what is possible`;
  return new HomieError("Usage", `${option}: ${issue.message}`, { hint });
}
