import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestHome } from "../../support/cli.ts";
import { job } from "./bed.ts";

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
const limit = "/proc/sys/user/max_inotify_watches";
const probe = spawnSync("unshare", ["-Ur", "sh", "-c", `echo 2 >${limit} && cat ${limit}`], { encoding: "utf8" });
const why = probe.stdout === "2\n" ? undefined : `no user namespace can be limited here: ${probe.stderr}`;

describe("F-30: a daemon that the kernel gives no more watches", () => {
  let home: TestHome;
  let daemon: ChildProcess;
  beforeAll(async () => {
    // No engine is asked for anything here.
    home = new TestHome({ DOCKER_HOST: "unix:///nowhere" });
    mkdirSync(join(home.home, "desired", "jobs"), { recursive: true, mode: 0o700 });
    const command = `echo 2 >${limit} && exec "$0" "$@"`;
    const argv = ["-Ur", "sh", "-c", command, process.execPath, main, "up", "--home", home.home, "--name", "alice"];
    daemon = spawn("unshare", argv, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, DOCKER_HOST: "unix:///nowhere" },
    });
    if (daemon.stdout === null) throw new Error("no stdout");
    await once(daemon.stdout, "data");
  });
  afterAll(async () => {
    daemon.kill("SIGTERM");
    if (daemon.exitCode === null) await once(daemon, "exit");
    await home.close();
  });

  const image = (name: string): Promise<string> => home.ok(["get", "job", name, "-o", "jsonpath={.spec.image}"]);
  const put = (name: string, text: string): void => {
    const directory = join(home.home, "desired", "jobs", "deep", "down");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `${name}.yaml`), text);
  };

  it("says so, with what to do, and finds every change by reading again", { skip: why !== undefined }, async () => {
    put("first", job("first", "true"));
    await expect.poll(() => home.run(["get", "job", "first"]).then(({ code }) => code), { timeout: 30_000 }).toBe(0);
    put("second", job("second", "true"));
    await expect
      .poll(() => home.json(["status"]).then((status) => String(status["warnings"])), { timeout: 30_000 })
      .toMatch(/max_user_watches/);
    put("first", job("first", "true").replace(/image: .*/, "image: changed"));
    await expect.poll(() => image("first"), { timeout: 30_000, interval: 500 }).toBe("changed");
    await expect.poll(() => home.run(["get", "job", "second"]).then(({ code }) => code), { timeout: 30_000 }).toBe(0);
  });
});
