import { describe, expect, it } from "vitest";
import { createEngine, findEngine } from "../../../src/adapters/docker/connect.ts";
import { createEngineHealth } from "../../../src/adapters/docker/health.ts";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { promisedMs } from "../../support/promised.ts";

const at = (env: Record<string, string>, existing: readonly string[] = []): ReturnType<typeof findEngine> =>
  findEngine({
    env,
    homeDirectory: "/h",
    exists: (path) => existing.includes(path),
    read: (path) => `content of ${path}`,
  });

describe("the engine's address", () => {
  it.each([
    [["/h/.docker/run/docker.sock"], "unix:///h/.docker/run/docker.sock"],
    [["/var/run/docker.sock", "/h/.docker/run/docker.sock"], "unix:///var/run/docker.sock"],
    [["/run/user/7/podman/podman.sock"], "unix:///run/user/7/podman/podman.sock"],
    [["/h/.colima/default/docker.sock"], "unix:///h/.colima/default/docker.sock"],
    [[], "unix:///var/run/docker.sock"],
  ])("without DOCKER_HOST and with %j is %s", (existing, expected) => {
    const { shown, options } = at({ XDG_RUNTIME_DIR: "/run/user/7" }, existing);
    expect(shown).toBe(expected);
    expect(options.socketPath).toBe(expected.slice("unix://".length));
  });

  it.each([
    ["unix:///x/docker.sock", { socketPath: "/x/docker.sock", protocol: "http" }],
    ["tcp://10.0.0.2:2375", { host: "10.0.0.2", port: 2375, protocol: "http" }],
    ["10.0.0.2:9999", { host: "10.0.0.2", port: 9999, protocol: "http" }],
    ["https://box", { host: "box", port: 2376, protocol: "https", ca: "content of /h/.docker/ca.pem" }],
  ])("follows DOCKER_HOST=%s", (host, expected) => {
    expect(at({ DOCKER_HOST: host }).options).toMatchObject(expected);
  });

  it("uses TLS when told to", () => {
    const { options } = at({ DOCKER_HOST: "tcp://box:2376", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/c" });
    expect(options).toMatchObject({
      protocol: "https",
      ca: "content of /c/ca.pem",
      cert: "content of /c/cert.pem",
      key: "content of /c/key.pem",
    });
  });

  it.each(["ssh://me@box", "ftp://box", "tcp://"])("refuses DOCKER_HOST=%s and says what to do", (host) => {
    expect(() => at({ DOCKER_HOST: host })).toThrow(
      expect.objectContaining({ code: "EngineUnavailable", hint: expect.stringContaining("unix://") }),
    );
  });
});

describe("an engine that is not there", () => {
  it("is said to be so, by name, within the time a caller waits", async () => {
    const engine = createEngine(() => at({ DOCKER_HOST: "unix:///nonexistent/docker.sock" }));
    const health = createEngineHealth(engine, systemClock);
    const startedAt = performance.now();
    expect(await health.check()).toMatchObject({
      ok: false,
      reason: "EngineUnavailable",
      message: expect.stringContaining("unix:///nonexistent/docker.sock"),
      hint: expect.stringContaining("DOCKER_HOST"),
    });
    expect(performance.now() - startedAt).toBeLessThan(promisedMs(2_500));
  });

  it("with an address that is none, too", async () => {
    const health = createEngineHealth(
      createEngine(() => at({ DOCKER_HOST: "ssh://box" })),
      systemClock,
    );
    expect(await health.check()).toMatchObject({ ok: false, message: expect.stringContaining("ssh://box") });
  });
});
