import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { acquireHomeLock, ensureHome } from "../../../src/adapters/files/home-lock.ts";
import { identifyProcess, renderIdentity } from "../../../src/adapters/files/process-identity.ts";
import { homePaths } from "../../../src/adapters/home.ts";
import { temporaryDirectory } from "../../store/store-fixture.ts";
import { promisedMs } from "../../support/promised.ts";

const source = (root: string): string => `
  import { acquireHomeLock } from ${JSON.stringify(join(import.meta.dirname, "../../../src/adapters/files/home-lock.ts"))};
  import { homePaths } from ${JSON.stringify(join(import.meta.dirname, "../../../src/adapters/home.ts"))};
  try {
    acquireHomeLock(homePaths(${JSON.stringify(root)}));
    console.log("mine");
    setInterval(() => undefined, 1000);
  } catch (error) {
    console.log(error.code + " " + error.message);
  }
`;
const script = (root: string): string => {
  const path = join(temporaryDirectory(), "holder.ts");
  writeFileSync(path, source(root));
  return path;
};

describe("two processes and one home", () => {
  test("F-14: the second is refused within a second and told the pid; after a kill -9 the home is free at once", async () => {
    const root = temporaryDirectory();
    const holder = spawn(process.execPath, [script(root)], { stdio: ["ignore", "pipe", "ignore"] });
    expect(String((await once(holder.stdout, "data"))[0])).toContain("mine");
    const began = performance.now();
    expect(() => acquireHomeLock(homePaths(root))).toThrow(
      expect.objectContaining({ code: "AlreadyRunning", message: expect.stringContaining(`pid ${holder.pid}`) }),
    );
    expect(performance.now() - began).toBeLessThan(promisedMs(1000));
    holder.kill("SIGKILL");
    await once(holder, "exit");
    const lock = acquireHomeLock(homePaths(root));
    expect(readFileSync(homePaths(root).pid, "utf8").split("\n")[0]).toBe(String(process.pid));
    lock[Symbol.dispose]();
    expect(existsSync(homePaths(root).pid)).toBe(false);
  });

  test("F-14: of several that start together exactly one wins", async () => {
    const root = temporaryDirectory();
    const path = script(root);
    const starters = Array.from({ length: 4 }, () =>
      spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "ignore"] }),
    );
    const answers = await Promise.all(starters.map(async (each) => String((await once(each.stdout, "data"))[0])));
    for (const each of starters) each.kill("SIGKILL");
    expect(answers.filter((answer) => answer.startsWith("mine"))).toHaveLength(1);
    expect(answers.filter((answer) => answer.startsWith("AlreadyRunning"))).toHaveLength(3);
  });

  test("F-14: a daemon whose lock file was deleted still keeps others out", () => {
    const paths = homePaths(temporaryDirectory());
    mkdirSync(dirname(paths.pid));
    writeFileSync(paths.pid, renderIdentity(identifyProcess(process.ppid)));
    expect(() => acquireHomeLock(paths)).toThrow(expect.objectContaining({ code: "AlreadyRunning" }));
  });
});

test("a second lock in the same process is refused, and given after the first is disposed", () => {
  const paths = homePaths(temporaryDirectory());
  const first = acquireHomeLock(paths);
  expect(() => acquireHomeLock(paths)).toThrow(expect.objectContaining({ code: "AlreadyRunning" }));
  first[Symbol.dispose]();
  acquireHomeLock(paths)[Symbol.dispose]();
});

test("with the lock goes what a killed writer left beside pid file, keys and configuration", () => {
  const paths = homePaths(temporaryDirectory());
  const directories = [paths.root, dirname(paths.pid), dirname(paths.identity)];
  for (const directory of directories) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, ".homie-network.json.0a1b2c3d4e5f"), "{");
  }
  acquireHomeLock(paths)[Symbol.dispose]();
  expect(directories.flatMap((each) => readdirSync(each)).filter((name) => name.startsWith(".homie-"))).toEqual([]);
});

describe("a stale pid file needs no hand", () => {
  test.each([
    ["of a process that is gone", `${spawnSync("true").pid}\n1\nx\n`],
    ["whose number another process has now", `${process.ppid}\n1\n${identifyProcess(1).bootId}\n`],
    ["from before the last boot", `${process.ppid}\n${identifyProcess(process.ppid).startTicks}\nother-boot\n`],
    ["of noise", "\0\0noise"],
    ["that is empty", ""],
  ])("%s", (_, content) => {
    const paths = homePaths(temporaryDirectory());
    mkdirSync(dirname(paths.pid));
    writeFileSync(paths.pid, content);
    acquireHomeLock(paths)[Symbol.dispose]();
  });
});

describe("a home", () => {
  test("is made private with umask 0 and when it was open before", () => {
    const root = join(temporaryDirectory(), "home");
    mkdirSync(root, { mode: 0o755 });
    const old = process.umask(0);
    ensureHome(homePaths(root));
    process.umask(old);
    const paths = homePaths(root);
    for (const path of [root, paths.desired, dirname(paths.database), dirname(paths.pid), paths.runs, paths.results]) {
      expect(statSync(path).mode & 0o777).toBe(0o700);
    }
  });

  test("that lost its desired/ does not get an empty one, which would ask to delete everything", () => {
    const paths = homePaths(temporaryDirectory());
    ensureHome(paths);
    writeFileSync(paths.database, "");
    rmSync(paths.desired, { recursive: true });
    ensureHome(paths);
    expect(existsSync(paths.desired)).toBe(false);
  });

  test("that cannot be made says so", () => {
    const file = join(temporaryDirectory(), "file");
    writeFileSync(file, "");
    expect(() => ensureHome(homePaths(join(file, "home")))).toThrow(expect.objectContaining({ code: "StateUnusable" }));
  });
});
