import { expect } from "vitest";
import { TestHome } from "../../support/cli.ts";

/** A real daemon in a home of its own that runs jobs as processes, so that nothing but Node is needed. */
export async function startProcessDaemon(): Promise<TestHome> {
  const home = new TestHome({ DOCKER_HOST: "unix:///nowhere/docker.sock", XDG_RUNTIME_DIR: "/nowhere" });
  await home.ok(["config", "--runtime", "process"]);
  await home.ok(["up", "-d", "--name", "alice"]);
  return home;
}

/** Everything else goes on: the same daemon runs a job to its end. */
export async function expectDaemonWorks(home: TestHome, pid: number, name: string): Promise<void> {
  expect(await home.json(["status"])).toMatchObject({ ready: true, pid });
  const text = `apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: ${name}}\nspec: {command: [echo, ${name}]}\n`;
  await home.ok(["apply", "-f", "-", "--wait", "--timeout", "20s"], text);
  expect(await home.ok(["logs", `job/${name}`])).toBe(`${name}\n`);
}
