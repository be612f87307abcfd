import type { OutputRule } from "../../resources/attempt.ts";
import { compileGlob } from "./glob.ts";

export interface ActiveRule {
  /** Position in the attempt's `outputs`; 0 for the rule that holds when there are none. */
  readonly index: number;
  readonly rule: OutputRule;
  /** Takes only files that are new or differ from what was staged. */
  readonly onlyChanged: boolean;
  matches(path: string): boolean;
}

const everything: OutputRule = { paths: [], exclude: [], required: false, when: "Always" };
/** By-products of running that nobody asked for; a rule that names paths can still have them. */
const neverByDefault = ["**/__pycache__/**", "**/.git/**", "**/*.pyc"];

/** The rules that count for a program that ended this way, in order. */
export function activeRules(outputs: readonly OutputRule[], succeeded: boolean): readonly ActiveRule[] {
  const rules = outputs.length === 0 ? [everything] : outputs;
  return rules.flatMap((rule, index) => (rule.when === "OnSuccess" && !succeeded ? [] : [activeRule(rule, index)]));
}

function activeRule(rule: OutputRule, index: number): ActiveRule {
  const onlyChanged = rule.paths.length === 0;
  const isWanted = onlyChanged ? () => true : matcherOf(rule.paths);
  const isExcluded = matcherOf([...rule.exclude, ...(onlyChanged ? neverByDefault : [])]);
  return { index, rule, onlyChanged, matches: (path) => isWanted(path) && !isExcluded(path) };
}

/** A name that is a directory stands for everything in it. */
function matcherOf(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs.map((glob) => glob.replace(/^(\.\/)+/, "").replace(/\/+$/, ""));
  const matchers = patterns.flatMap((pattern) => [compileGlob(pattern), compileGlob(`${pattern}/**`)]);
  return (path) => matchers.some((matches) => matches(path));
}
