import type { ApplyResult } from "../store/declared.ts";
import type { Client } from "./client.ts";
import { ApiError } from "./failure.ts";
import type { InputFile } from "./input-files.ts";

export interface ApplyFlags {
  readonly dryRun: boolean;
  readonly forceConflicts: boolean;
}

/**
 * Applies files so that with anything wrong in one of them nothing changes: the API judges each file as a whole, so
 * several files are all tried dry before the first is written. Throws ApiError with the findings of every file.
 */
export async function applyInputs(
  client: Client,
  inputs: readonly InputFile[],
  flags: ApplyFlags,
): Promise<readonly ApplyResult[]> {
  const rehearsal = flags.dryRun || inputs.length > 1 ? await rehearse(client, inputs, flags) : [];
  if (flags.dryRun) return rehearsal;
  const results: ApplyResult[] = [];
  for (const input of inputs) results.push(...(await applyOne(client, input, flags)));
  return results;
}

async function rehearse(
  client: Client,
  inputs: readonly InputFile[],
  flags: ApplyFlags,
): Promise<readonly ApplyResult[]> {
  const results: ApplyResult[] = [];
  const failures: ApiError[] = [];
  for (const input of inputs) {
    try {
      results.push(...(await applyOne(client, input, { ...flags, dryRun: true })));
    } catch (error) {
      if (!(error instanceof ApiError) || !(error.status === 409 || error.status === 422)) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw joinFailures(failures);
  return results;
}

async function applyOne(client: Client, input: InputFile, flags: ApplyFlags): Promise<readonly ApplyResult[]> {
  const { results } = await client.call<{ readonly results: readonly ApplyResult[] }>({
    method: "POST",
    path: "/homie/v1/apply",
    body: {
      file: input.file,
      text: input.text,
      baseDirectory: input.baseDirectory,
      dryRun: flags.dryRun,
      forceConflicts: flags.forceConflicts,
    },
  });
  return results;
}

/** Invalid input weighs more than a conflict: it has to be mended in any case. */
function joinFailures(failures: readonly ApiError[]): ApiError {
  const invalid = failures.filter((failure) => failure.status === 422);
  const chosen = invalid.length > 0 ? invalid : failures;
  const [first] = chosen;
  if (first === undefined || chosen.length === 1) return first ?? (failures[0] as ApiError);
  return new ApiError(first.code, `${chosen.length} files: ${first.message}`, {
    status: first.status,
    causes: chosen.flatMap((failure) => failure.causes),
    problems: chosen.flatMap((failure) => failure.problems),
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  });
}
