import { readFile } from "node:fs/promises";
import { join } from "node:path";
import ignore from "ignore";
import { HomieError } from "../../resources/errors.ts";

type Matcher = ReturnType<typeof ignore>;

/** The ignore files from the project's root down to one directory. */
export interface IgnoreRules {
  /** `path` is relative to the project. */
  ignores(path: string, isDirectory: boolean): boolean;
  /** The same rules plus those of the ignore files in `relative`, which lies at `absolute`. */
  within(relative: string, absolute: string): Promise<IgnoreRules>;
}

interface Level {
  /** "" or "src/": what the level's patterns are relative to. */
  readonly base: string;
  readonly matcher: Matcher;
}

/** Always leaves out, whatever an ignore file says. */
export function excludeRules(exclude: readonly string[]): IgnoreRules {
  return rulesOf(ignore().add([".git", ...exclude]), []);
}

function rulesOf(exclude: Matcher, levels: readonly Level[]): IgnoreRules {
  return {
    ignores: (path, isDirectory) =>
      exclude.ignores(isDirectory ? `${path}/` : path) || isIgnored(levels, path, isDirectory),
    within: async (relative, absolute) => {
      // Later patterns win, so .homieignore can bring back what .gitignore leaves out: trained weights, say.
      const patterns = [
        await readPatterns(join(absolute, ".gitignore")),
        await readPatterns(join(absolute, ".homieignore")),
      ];
      if (patterns.every((text) => text === "")) return rulesOf(exclude, levels);
      const base = relative === "" ? "" : `${relative}/`;
      return rulesOf(exclude, [{ base, matcher: ignore().add(patterns.join("\n")) }, ...levels]);
    },
  };
}

/** As in git the deepest file that says something decides. */
function isIgnored(levels: readonly Level[], path: string, isDirectory: boolean): boolean {
  for (const { base, matcher } of levels) {
    const relative = path.slice(base.length);
    const verdict = matcher.test(isDirectory ? `${relative}/` : relative);
    if (verdict.unignored) return false;
    if (verdict.ignored && !isIgnoredByParent(matcher, relative)) return true;
  }
  return false;
}

/** The walk came here, so a deeper file brought the parent back, and what lies in it with it. */
function isIgnoredByParent(matcher: Matcher, relative: string): boolean {
  const slash = relative.lastIndexOf("/");
  return slash > 0 && matcher.ignores(relative.slice(0, slash + 1));
}

async function readPatterns(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "EISDIR") return "";
    throw new HomieError("SourceUnreadable", `cannot read ${path}`, { cause: error });
  }
}
