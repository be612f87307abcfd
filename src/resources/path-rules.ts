/** Rules for paths and globs that a Job gives; each answers what is wrong, or undefined. Nothing here touches a disk. */

/** Where a Job's files lie for the program. */
const workRoot = "/work/job";
/** Enough for any sensible pattern, and a bound on what matching one name can cost. */
const maxGlobstars = 4;
const maxWildcards = 16;

/** A place inside the work directory: relative without "..", or absolute below /work/job. */
export function workPathProblem(path: string, options: { readonly allowRoot: boolean }): string | undefined {
  if (path.startsWith("~")) return "must be inside the work directory, not in a home";
  if (path.includes("\\")) return "must use forward slashes";
  const absolute = path.startsWith("/");
  if (absolute && path !== workRoot && !path.startsWith(`${workRoot}/`))
    return "must be relative, or absolute below /work/job";
  const steps = (absolute ? path.slice(workRoot.length) : path)
    .split("/")
    .filter((step) => step !== "" && step !== ".");
  if (steps.includes("..")) return 'must not leave the work directory with ".."';
  if (steps.length === 0 && !options.allowRoot) return "must name a place inside the work directory";
  if (steps.some((step) => step.length > 255)) return "has a name of more than 255 characters";
  return undefined;
}

/** A glob over paths relative to the work directory. */
export function globProblem(glob: string): string | undefined {
  const broken = globRules.find(({ pattern }) => pattern.test(glob));
  if (broken !== undefined) return broken.problem;
  if ((glob.match(/\*\*/g) ?? []).length > maxGlobstars) return `has more than ${maxGlobstars} times **`;
  if ((glob.match(/[*?[{]/g) ?? []).length > maxWildcards) return `has more than ${maxWildcards} wildcards`;
  return undefined;
}

const globRules: readonly { readonly pattern: RegExp; readonly problem: string }[] = [
  { pattern: /^[/~]/, problem: "must be relative to the work directory" },
  { pattern: /^!/, problem: "must not start with an exclamation mark; use exclude" },
  { pattern: /\\/, problem: "must use forward slashes" },
  { pattern: /(?:^|\/)\.\.(?:\/|$)/, problem: 'must not leave the work directory with ".."' },
  { pattern: /[?*+@!]\(/, problem: "must not use extended patterns such as +(a|b)" },
  { pattern: /\{[^{}]*\{/, problem: "must not nest braces" },
  { pattern: /\{[^{}]*\.\./, problem: "must not use ranges such as {1..9}" },
];
