import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Programs podman needs for the tests, and the Debian package each comes in. */
export const podmanPrograms = [
  ["/usr/bin/podman", "podman"],
  // The init in every container.
  ["/usr/libexec/podman/catatonit", "catatonit"],
] as const;

/** True when private engines of the tests are to be podman's: HOMIE_TEST_ENGINE=podman. */
export function isPodmanWanted(): boolean {
  return process.env["HOMIE_TEST_ENGINE"] === "podman";
}

/**
 * A podman that shares nothing with another one of the machine: storage, state, locks, networks and events are below `root`.
 * No systemd is needed.
 */
export async function spawnPodman(root: string, socket: string): Promise<ChildProcess> {
  const [data, state, temporary, networks] = ["data", "exec", "tmp", "networks"].map((name) => join(root, name));
  const settings = {
    "containers.conf": [
      "[engine]",
      'cgroup_manager="cgroupfs"',
      'events_logger="file"',
      'lock_type="file"',
      "[network]",
      `network_config_dir=${JSON.stringify(networks)}`,
    ],
    "storage.conf": [
      "[storage]",
      'driver="overlay"',
      `graphroot=${JSON.stringify(data)}`,
      `runroot=${JSON.stringify(state)}`,
    ],
    "registries.conf": ["unqualified-search-registries=[]"],
  };
  for (const [name, lines] of Object.entries(settings)) await writeFile(join(root, name), `${lines.join("\n")}\n`);
  await mkdir(join(root, "networks"));
  const log = openSync(join(root, "engine.log"), "a", 0o600);
  const places = ["--root", data, "--runroot", state, "--tmpdir", temporary] as readonly string[];
  // A session of its own: Ctrl-C in a terminal must not reach it before the tests are through with it.
  const child = spawn("/usr/bin/podman", [...places, "system", "service", "--time=0", `unix://${socket}`], {
    stdio: ["ignore", log, log],
    detached: true,
    // Its monitor leaves files where it is started.
    cwd: root,
    env: {
      ...process.env,
      CONTAINERS_CONF: join(root, "containers.conf"),
      CONTAINERS_STORAGE_CONF: join(root, "storage.conf"),
      CONTAINERS_REGISTRIES_CONF: join(root, "registries.conf"),
    },
  });
  closeSync(log);
  return child;
}
