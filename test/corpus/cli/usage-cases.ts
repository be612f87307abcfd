/** What is typed, and what comes of it: an exit code and words on stderr. */
export interface UsageCase {
  readonly id: `C-${string}`;
  readonly args: readonly string[];
  readonly code: number;
  readonly stderr: RegExp;
  readonly input?: string;
}

function typed(id: UsageCase["id"], args: readonly string[], code: number, stderr: RegExp): UsageCase {
  return { id, args, code, stderr };
}

const example = /^error: .*\nhint: .*--\w+/;
const noName = /^error: .*cannot be (a|the) name/;
const noAddress = /^error: .*(is not|means|has a port|must)/;

/** Paths are relative to a directory with: empty/ (nothing in it), fifo, dir.yaml/, large.yaml, dead.yaml (a link to nothing). */
export const usageCases: readonly UsageCase[] = [
  typed("C-02", ["apply", "-f", "nope.yaml"], 1, /^error: there is no file nope\.yaml$/m),
  typed("C-02", ["apply", "-f", "empty"], 2, /^error: found no \*\.yaml, \*\.yml or \*\.json in empty$/m),
  typed("C-02", ["apply", "-f", "*.nothing"], 1, /^error: there is no file \*\.nothing$/m),
  typed("C-02", ["apply", "-f", ""], 2, /^error: -f needs the name of a file$/m),
  typed("C-02", ["apply", "-f", "fifo"], 2, /^error: fifo is not a regular file$/m),
  typed("C-02", ["apply", "-f", "/dev/zero"], 2, /^error: \/dev\/zero is not a regular file$/m),
  typed("C-02", ["apply", "-f", "large.yaml"], 2, /^error: large\.yaml is larger than 1 MiB$/m),
  typed("C-02", ["apply", "-f", "dead.yaml"], 1, /^error: there is no file dead\.yaml$/m),
  typed("C-02", ["apply", "-f", "dir.yaml"], 2, /^error: found no/),
  typed("C-02", ["apply", "-f", "a\0b"], 1, /^error: /),
  typed("C-02", ["apply"], 2, /^error: required option '-f, --filename <path>'/),
  typed("C-02", ["diff", "-f", "nope.yaml"], 1, /^error: there is no file nope\.yaml$/m),
  ...["abc", "-1", "1e9", "0", "NaN", "2 cores", ""].map((cpu) =>
    typed("C-03", ["config", `--cpu=${cpu}`], 2, example),
  ),
  ...["4", "4gb", "-4g", "4 g", "g", "1e3g"].map((memory) =>
    typed("C-03", ["config", `--memory=${memory}`], 2, example),
  ),
  typed("C-03", ["config", "--disk=much"], 2, example),
  typed("C-03", ["config", "--timeout=0"], 2, example),
  typed("C-03", ["config", "--timeout=tomorrow"], 2, example),
  typed("C-03", ["config", "--max-jobs=1.5"], 2, example),
  typed("C-03", ["config", "--pids=-1"], 2, example),
  typed("C-03", ["config", "--runtime=lxc"], 2, /^error: --runtime cannot be "lxc"$/m),
  typed("C-03", ["logs", "job/witness", "--tail=-1"], 2, /^error: --tail takes a whole number/),
  typed("C-03", ["wait", "job/witness", "--for=condition", "--timeout=soon"], 2, /^error: /),
  typed("C-06", ["env", "create", "ml-demo;touch pwned", "--image", "a"], 2, noName),
  typed("C-06", ["env", "create", "$(touch pwned)", "--image", "a"], 2, noName),
  typed("C-06", ["env", "default", "`touch pwned`"], 2, noName),
  typed("C-06", ["env", "remove", "../../x"], 2, noName),
  typed("C-06", ["get", "job", "$(touch pwned)"], 2, noName),
  typed("C-06", ["get", "jobs;touch pwned"], 2, /^error: there is no kind "jobs;touch pwned"$/m),
  typed("C-06", ["delete", "job", "../witness"], 2, noName),
  typed("C-06", ["logs", "job/witness/../../x"], 2, /^error: /),
  typed("C-06", ["cancel", "job/|touch pwned"], 2, noName),
  typed("C-12", ["get", "job", "\u001b]0;owned\u0007x"], 2, noName),
  typed("C-12", ["get", "\u001b[31mjobs"], 2, /^error: there is no kind/),
  typed("C-12", ["\u001b[31mgte"], 2, /^error: unknown command/),
  typed("C-13", ["get", "jobs", "--\u001b]52;c;aGk=\u0007"], 2, /^error: unknown option/),
  typed("C-14", ["get", "job", "a\u202egpj.exe"], 2, noName),
  typed("C-15", ["get", "job", "a\u200bb"], 2, noName),
  typed("C-16", ["get", "job", "n".repeat(10_000)], 2, noName),
  typed("C-16", ["explain", `job.${"n".repeat(10_000)}`], 1, /^error: /),
  typed("C-17", ["add", "999.1.1.1"], 2, noAddress),
  typed("C-17", ["add", "1.2.3.4:99999"], 2, noAddress),
  typed("C-17", ["add", "1.2.3.4:0"], 2, noAddress),
  typed("C-17", ["add", "0.0.0.0"], 2, noAddress),
  typed("C-17", ["add", "::"], 2, noAddress),
  typed("C-17", ["add", "a b"], 2, noAddress),
  typed("C-17", ["add", "http://host"], 2, noAddress),
  typed("C-17", ["add", "\u001b[2J"], 2, noAddress),
  typed("C-17", ["add", "h".repeat(10_000)], 2, noAddress),
];
