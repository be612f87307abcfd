import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const nano = fileURLToPath(new URL("nano.py", import.meta.url));

/** One way people and programs change a file. `edit` gets the text as the editor would load it. */
export interface Saver {
  readonly name: string;
  /** Undefined when the program is there. */
  readonly missing?: string;
  save(path: string, from: string, to: string): void;
}

function replaceIn(path: string, from: string, to: string): string {
  return readFileSync(path, "utf8").replace(from, to);
}

function whyMissing(program: string): { missing?: string } {
  const found = spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
  return found ? {} : { missing: `${program} is not installed` };
}

/** Every saver replaces `from` by `to` in the file. */
export const savers: readonly Saver[] = [
  { name: "a plain write", save: (path, from, to) => writeFileSync(path, replaceIn(path, from, to)) },
  {
    name: "a write in place by a slow program",
    save: (path, from, to) => {
      const file = openSync(path, "r+");
      const text = readFileSync(file, "utf8").replace(from, to);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
      ftruncateSync(file, 0);
      writeSync(file, text, 0);
      closeSync(file);
    },
  },
  {
    name: "a new file renamed over it",
    save: (path, from, to) => {
      const temporary = join(dirname(path), `.${basename(path)}.swp`);
      writeFileSync(temporary, replaceIn(path, from, to));
      renameSync(temporary, path);
    },
  },
  { name: "sed -i", save: (path, from, to) => void execFileSync("sed", ["-i", `s/${from}/${to}/`, path]) },
  {
    name: "git checkout",
    ...whyMissing("git"),
    save: (path, from, to) => {
      const repository = join(dirname(dirname(dirname(path))), "repository");
      const git = (...args: string[]): void =>
        void execFileSync("git", ["--git-dir", join(repository, ".git"), "--work-tree", dirname(path), ...args], {
          stdio: "ignore",
        });
      mkdirSync(repository, { recursive: true });
      execFileSync("git", ["init", "-q", repository]);
      const name = basename(path);
      const blob = execFileSync("git", ["--git-dir", join(repository, ".git"), "hash-object", "-w", "--stdin"], {
        input: replaceIn(path, from, to),
      });
      git("update-index", "--add", "--cacheinfo", `100600,${blob.toString().trim()},${name}`);
      git("checkout-index", "-f", name);
    },
  },
  {
    name: "vim",
    ...whyMissing("vim"),
    save: (path, from, to) =>
      void execFileSync("vim", ["-u", "NONE", "-es", "-n", `+%s/${from}/${to}/`, "+wq", path], {
        stdio: "ignore",
        env: { ...process.env, TERM: "dumb" },
      }),
  },
  {
    name: "vim with a backup renamed",
    ...whyMissing("vim"),
    save: (path, from, to) =>
      void execFileSync(
        "vim",
        ["-u", "NONE", "-es", "-n", "+set backupcopy=no writebackup", `+%s/${from}/${to}/`, "+wq", path],
        { stdio: "ignore", env: { ...process.env, TERM: "dumb" } },
      ),
  },
  {
    name: "nano",
    ...whyMissing("nano"),
    save: (path, from, to) =>
      void execFileSync("python3", [nano, path, from, to], { stdio: ["ignore", "ignore", "pipe"] }),
  },
  {
    name: "unlink and write anew",
    save: (path, from, to) => {
      const text = replaceIn(path, from, to);
      rmSync(path);
      writeFileSync(path, text);
    },
  },
  {
    name: "mv over it from another directory",
    save: (path, from, to) => {
      const elsewhere = join(dirname(dirname(dirname(path))), "elsewhere.yaml");
      writeFileSync(elsewhere, replaceIn(path, from, to));
      execFileSync("mv", ["-f", elsewhere, path]);
    },
  },
];
