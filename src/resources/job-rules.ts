import { fieldIssue } from "./field-issue.ts";
import type { FieldIssue } from "./field-issue.ts";
import { parseImageReference } from "./image-reference.ts";
import type { JobOutput, JobResources, JobSpec } from "./job.ts";
import { globProblem, workPathProblem } from "./path-rules.ts";
import { quantityIssues } from "./quantity-rules.ts";
import { showValue } from "./show-value.ts";
import type { Segments } from "./show-value.ts";

/** Linux gives one argument or variable 128 KiB (MAX_ARG_STRLEN); homie lets all of them together have that much. */
const maxArgumentBytes = 128 * 1024;
const scriptExtensions = [".py", ".js", ".sh", ".rb", ".pl", ".php"] as const;

export function jobRules(spec: JobSpec): readonly FieldIssue[] {
  return [
    ...imageRules(spec),
    ...commandRules(spec),
    ...envRules(spec),
    ...placeRules(spec),
    ...(spec.outputs ?? []).flatMap((output, index) => outputRules(output, ["spec", "outputs", index])),
    ...resourceRules(spec.resources ?? {}),
  ];
}

function resourceRules({ cpu, memory, disk, gpu }: JobResources): readonly FieldIssue[] {
  const at = ["spec", "resources"];
  return [
    ...quantityIssues([...at, "cpu"], "cpu", cpu),
    ...quantityIssues([...at, "memory"], "memory", memory),
    ...quantityIssues([...at, "disk"], "disk", disk),
    ...quantityIssues([...at, "gpu", "minMemory"], "size", gpu?.minMemory),
  ];
}

function imageRules({ image }: JobSpec): readonly FieldIssue[] {
  if (image === undefined) return [];
  const outcome = parseImageReference(image);
  return outcome.ok
    ? []
    : [fieldIssue(["spec", "image"], `${showValue(image)} ${outcome.message}`, "for example: python:3.12-slim")];
}

function commandRules({ script, command, args }: JobSpec): readonly FieldIssue[] {
  const issues: FieldIssue[] = [];
  if (script !== undefined && !scriptExtensions.some((extension) => script.toLowerCase().endsWith(extension))) {
    const known = scriptExtensions.join(" ");
    issues.push(
      fieldIssue(
        ["spec", "script"],
        `${showValue(script)} has no extension that names an interpreter`,
        `known: ${known}; for anything else use command`,
      ),
    );
  }
  if (command?.[0] === "")
    issues.push(fieldIssue(["spec", "command", 0], "must not be empty: it is the program to run"));
  const bytes = totalBytes([...(command ?? []), ...(args ?? [])]);
  if (bytes > maxArgumentBytes) {
    const field = args === undefined ? "command" : "args";
    issues.push(
      fieldIssue(
        ["spec", field],
        `is too long: ${bytes} bytes with command, at most ${maxArgumentBytes}`,
        "put large values into a file and add it to inputs",
      ),
    );
  }
  return issues;
}

function envRules({ env = [] }: JobSpec): readonly FieldIssue[] {
  const issues = duplicates(env.map((variable) => variable.name)).map(({ index, first, text }) =>
    fieldIssue(["spec", "env", index, "name"], `${showValue(text)} is already set by spec.env[${first}]`),
  );
  const bytes = totalBytes(env.flatMap(({ name, value }) => [name, value]));
  if (bytes > maxArgumentBytes)
    issues.push(fieldIssue(["spec", "env"], `is too long: ${bytes} bytes, at most ${maxArgumentBytes}`));
  return issues;
}

function placeRules({ workingDir, inputs = [] }: JobSpec): readonly FieldIssue[] {
  const places: FieldIssue[] = [];
  const problem = workingDir === undefined ? undefined : workPathProblem(workingDir, { allowRoot: true });
  if (problem !== undefined) places.push(fieldIssue(["spec", "workingDir"], problem));
  for (const [index, { mountPath }] of inputs.entries()) {
    const wrong = workPathProblem(mountPath, { allowRoot: false });
    if (wrong !== undefined)
      places.push(fieldIssue(["spec", "inputs", index, "mountPath"], wrong, "for example: data/iris.csv"));
  }
  const taken = duplicates(inputs.map(({ mountPath }) => mountPath)).map(({ index, first, text }) =>
    fieldIssue(["spec", "inputs", index, "mountPath"], `${showValue(text)} is already taken by spec.inputs[${first}]`),
  );
  return [...places, ...taken];
}

function outputRules(output: JobOutput, at: Segments): readonly FieldIssue[] {
  const globs = (["paths", "exclude"] as const).flatMap((field) =>
    (output[field] ?? []).flatMap((glob, index) => {
      const problem = globProblem(glob);
      return problem === undefined
        ? []
        : [fieldIssue([...at, field, index], `${problem}, found ${showValue(glob)}`, 'for example: "*.pkl"')];
    }),
  );
  return [...globs, ...quantityIssues([...at, "maxSize"], "size", output.maxSize)];
}

function duplicates(
  texts: readonly string[],
): readonly { readonly index: number; readonly first: number; readonly text: string }[] {
  const firsts = new Map<string, number>();
  return texts.flatMap((text, index) => {
    const first = firsts.get(text);
    if (first === undefined) firsts.set(text, index);
    return first === undefined ? [] : [{ index, first, text }];
  });
}

function totalBytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
}
