import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { TestHome } from "../support/cli.ts";

/** Runs in every process of homie before its first line; says in the end whether undici came in, and for which command. */
const probe = `
const { appendFileSync } = process.getBuiltinModule("node:fs");
process.on("exit", () => {
  const isIn = process.moduleLoadList.some((name) => name.includes("deps/undici"));
  appendFileSync(process.env.HOMIE_TEST_LOADED, process.argv[2] + " " + isIn + "\\n");
});`;

test("neither the daemon nor a command ever loads undici, which none of them needs", async () => {
  const directory = mkdtempSync(join(tmpdir(), "homie-loaded-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const loaded = join(directory, "loaded");
  const home = new TestHome({
    ...{ DOCKER_HOST: "unix:///nowhere/docker.sock", XDG_RUNTIME_DIR: "/nowhere", HOMIE_TEST_LOADED: loaded },
    NODE_OPTIONS: `--import=data:text/javascript;base64,${Buffer.from(probe).toString("base64")}`,
  });
  onTestFinished(() => home.close());
  await home.ok(["config", "--runtime", "process"]);
  await home.ok(["up", "-d", "--name", "alice"]);
  const job = "apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: hello}\nspec: {command: [echo, hello]}\n";
  await home.ok(["apply", "-f", "-", "--wait", "--timeout", "20s"], job);
  expect(await home.ok(["logs", "job/hello"])).toBe("hello\n");
  await home.ok(["get", "jobs"]);
  await home.ok(["down"]);
  // The command that started the daemon, and the daemon itself, are both called "up".
  const said = ["apply", "config", "down", "get", "logs", "up", "up"].map((word) => `${word} false`);
  await expect
    .poll(() => (existsSync(loaded) ? readFileSync(loaded, "utf8").trim().split("\n").toSorted() : []))
    .toEqual(said);
});
