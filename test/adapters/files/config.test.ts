import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dnsLabel, editConfig, parseConfig, readConfig } from "../../../src/adapters/files/config.ts";
import { temporaryDirectory } from "../../store/store-fixture.ts";

test("a missing or empty file is all defaults", () => {
  const config = readConfig({ config: join(temporaryDirectory(), "config.yaml") });
  expect(config).toMatchObject({ discoveryPort: 5555, workerPort: 5556, mirrorStatus: true, warnings: [] });
  expect(config.name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
  expect(parseConfig("# nothing\n", "c").discoveryPort).toBe(5555);
});

test("an older homie's file is read as it is", () => {
  const config = parseConfig(
    'name: Bob\ngroup_secret: 0123\nenvs:\n  ml: ghcr.io/x/ml:1\n  py: {image: "python:3"}\ndefault_env: ml\nheartbeat_interval: 5\npeer_timeout: 15\ncontainer_cpu_limit: 1.5\ncontainer_memory_limit: 2g\ncontainer_timeout: 600\n',
    "c.yaml",
  );
  expect(config).toMatchObject({
    name: "bob",
    groupSecret: "0123",
    defaultEnvironment: "ml",
    heartbeatIntervalSeconds: 5,
    peerTimeoutSeconds: 15,
    legacyLimits: { cpu: 1.5, memory: "2g", timeoutSeconds: 600 },
  });
  expect([...config.environments]).toEqual([
    ["ml", "ghcr.io/x/ml:1"],
    ["py", "python:3"],
  ]);
});

test("an unknown key is kept and warned of with its line", () => {
  const config = parseConfig("name: a\ncolour: {of: tea}\n", "c.yaml");
  expect(config.unknown).toEqual({ colour: { of: "tea" } });
  expect(config.warnings).toEqual(['c.yaml:2: unknown key "colour" is ignored']);
});

test.each([
  ["name: a\nworker_port: 70000\n", 2, "worker_port"],
  ["worker_port: x\n", 1, "worker_port"],
  ["\nmirror_status: maybe\n", 2, "mirror_status"],
  ["envs: [a]\n", 1, "envs"],
  ["envs:\n  ml: 3\n", 2, "envs.ml"],
  ["- a\n", 1, ""],
  ["a: [\n", 2, ""],
])("%j is refused at its line", (text, line, path) => {
  const error = ((): unknown => {
    try {
      return parseConfig(text, "c.yaml");
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toMatchObject({
    code: "InvalidResource",
    problems: [expect.objectContaining({ file: "c.yaml", line, path })],
  });
});

test("an edit keeps comments and order, makes what is missing, and the file private", () => {
  const config = join(temporaryDirectory(), "config.yaml");
  writeFileSync(config, "# me\nname: bob # short\nunknown: kept\n", { mode: 0o644 });
  const edited = editConfig({ config }, (draft) => draft.set(["envs", "ml"], "image:1"));
  expect(readFileSync(config, "utf8")).toBe("# me\nname: bob # short\nunknown: kept\nenvs:\n  ml: image:1\n");
  expect([...edited.environments]).toEqual([["ml", "image:1"]]);
  expect(statSync(config).mode & 0o777).toBe(0o600);
  editConfig({ config }, (draft) => draft.remove(["envs", "ml"]));
  expect(readConfig({ config }).environments.size).toBe(0);
});

test("an edit that would break the file writes nothing", () => {
  const config = join(temporaryDirectory(), "config.yaml");
  expect(() => editConfig({ config }, (draft) => draft.set(["worker_port"], -1))).toThrow(
    expect.objectContaining({ code: "InvalidResource" }),
  );
  expect(existsSync(config)).toBe(false);
});

test.each([
  ["Bob's MacBook.local", "bob-s-macbook"],
  ["--", "homie"],
  ["Zoë", "zoe"],
  [`${"a".repeat(62)}-b`, "a".repeat(62)],
])("the host name %j is the label %j", (host, label) => {
  expect(dnsLabel(host)).toBe(label);
});
