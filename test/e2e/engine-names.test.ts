import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isEngineMissing } from "../contract/docker-bed.ts";
import { TestHome } from "../support/cli.ts";
import type { TestEngine } from "../support/engine.ts";
import { startEngine } from "../support/engine.ts";

describe.skipIf(await isEngineMissing("the engine by its name"))("homie on an engine", () => {
  let engine: TestEngine;
  let home: TestHome;

  beforeAll(async () => {
    engine = await startEngine();
    home = new TestHome({ DOCKER_HOST: engine.host });
    await home.ok(["up", "-d", "--name", "alice"]);
  });
  afterAll(async () => {
    await home?.close();
    await engine?.stop();
  });

  it("names it with its version in status and doctor", async () => {
    const { Version: version } = await engine.docker.version();
    expect((await home.json(["status"]))["engine"]).toBe(`${engine.kind} ${version}`);
    expect((await home.run(["doctor"])).stdout).toContain(`${engine.kind} ${version}, API 1.41`);
  });

  it("runs a Job whose files come home, and says why it refuses one", async () => {
    const job = (name: string, spec: string): string =>
      `apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: ${name}}\nspec:\n  image: ${engine.image}\n${spec}`;
    await home.ok(["apply", "-f", "-"], job("made", `  command: [sh, -c, 'echo said; echo made > file']\n`));
    await home.ok(["wait", "job/made", "--for=finished", "--timeout", "60s"]);
    expect(await home.ok(["get", "job", "made", "-o", "jsonpath={.status.phase} {.status.outputs[0].path}"])).toBe(
      "Succeeded file",
    );
    expect(await home.ok(["logs", "job/made"])).toBe("said\n");
    if (engine.kind === "docker") return;
    await home.ok(["apply", "-f", "-"], job("out", `  command: ["true"]\n  network: egress\n`));
    await home.ok(["wait", "job/out", "--for=finished", "--timeout", "60s"]);
    const said = await home.ok(["get", "job", "out", "-o", "jsonpath={.status.phase} {.status.message}"]);
    expect(said).toMatch(/^Failed .*podman cannot keep Jobs/);
  });
});
