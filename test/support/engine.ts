import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { access, chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import Docker from "dockerode";
import { readJsonLines } from "../../src/adapters/docker/json-lines.ts";
import { isPodmanWanted, podmanPrograms, spawnPodman } from "./podman.ts";

const run = promisify(execFile);
const startupMs = 60_000;
const prefix = "homie-engine-";
/** Holds the pid of the process that started the engine. */
const ownerFile = "owner.pid";
const busyboxPath = "/bin/busybox";

/** An engine of the test's own: nothing it does is seen by another engine of the machine, and nothing stays. */
export interface TestEngine {
  /** Path of the unix socket. */
  readonly socket: string;
  /** The same for DOCKER_HOST. */
  readonly host: string;
  readonly docker: Docker;
  readonly kind: "docker" | "podman";
  /** Static busybox with all its applets. */
  readonly image: string;
  stop(): Promise<void>;
}

/** For a test's own containers: podman asks for more than an engine without CAP_SYS_RESOURCE may give. */
export const modestUlimits = [
  { Name: "nofile", Soft: 1024, Hard: 1024 },
  { Name: "nproc", Soft: 4096, Hard: 4096 },
] as const;

export const testImage = "homie-test/busybox:1";

/** Why no engine can be had here; undefined when one can. To be printed beside every skipped test. */
export async function whyNoEngine(): Promise<string | undefined> {
  const given = process.env["HOMIE_TEST_DOCKER_HOST"];
  if (given !== undefined)
    return given.startsWith("unix://") ? undefined : "HOMIE_TEST_DOCKER_HOST must be unix:///path";
  return whyNoPrivateEngine();
}

/** As `whyNoEngine`, where one that is shared with other tests will not do. */
export async function whyNoPrivateEngine(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "starting a private engine needs root on Linux; or set HOMIE_TEST_DOCKER_HOST";
  const programs = isPodmanWanted() ? podmanPrograms : ([["/usr/sbin/dockerd", "docker.io"]] as const);
  for (const [path, name] of [...programs, [busyboxPath, "busybox-static"] as const]) {
    if (!(await isExecutable(path))) return `${path} is missing; \`node scripts/engine.ts install\` installs ${name}`;
  }
  return undefined;
}

export async function startEngine(): Promise<TestEngine> {
  const refusal = await whyNoEngine();
  if (refusal !== undefined) throw new Error(refusal);
  const given = process.env["HOMIE_TEST_DOCKER_HOST"];
  if (given !== undefined) return withImage(await connectTo(given.slice("unix://".length), () => Promise.resolve()));
  const engine = await startPrivateEngine();
  return withImage(engine).catch(async (error: unknown) => {
    await engine.stop();
    throw error;
  });
}

/** A dockerd, or a podman where that is wanted, that nobody else has, without any image: `importBusybox` brings one. Several run side by side. In a network namespace dockerd has its way with addresses and rules, as on a machine of its own. */
export async function startPrivateEngine(namespace?: string): Promise<TestEngine> {
  const refusal = await whyNoPrivateEngine();
  if (refusal !== undefined) throw new Error(refusal);
  await sweepAbandoned();
  const root = await mkdtemp(join(tmpdir(), prefix));
  await writeFile(join(root, ownerFile), String(process.pid));
  const daemon = isPodmanWanted()
    ? await spawnPodman(root, join(root, "docker.sock"))
    : await spawnDaemon(root, namespace);
  // Dockerd writes the same there.
  if (isPodmanWanted()) await writeFile(join(root, "docker.pid"), String(daemon.pid));
  const stop = (): Promise<void> => stopDaemon(root);
  try {
    const socket = join(root, "docker.sock");
    await untilAnswers(socket, daemon, root);
    return await connectTo(socket, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function connectTo(socket: string, stop: () => Promise<void>): Promise<TestEngine> {
  const docker = connect(socket);
  const kind = (await isPodman(docker)) ? "podman" : "docker";
  return { socket, host: `unix://${socket}`, docker, kind, image: testImage, stop };
}

async function isPodman(docker: Docker): Promise<boolean> {
  const { Components: components } = await docker.version();
  return (components ?? []).some((component) => component?.Name === "Podman Engine");
}

async function withImage(engine: TestEngine): Promise<TestEngine> {
  await importBusybox(engine.docker);
  return engine;
}

function connect(socket: string): Docker {
  const options = { host: undefined, port: undefined, protocol: "http", socketPath: socket } as const;
  return new Docker(options);
}

/** No firewall rule, no bridge, no sysctl of the machine is touched; dockerd starts a containerd below its exec root. */
async function spawnDaemon(root: string, namespace: string | undefined): Promise<ChildProcess> {
  await mkdir(join(root, "data"));
  const log = openSync(join(root, "engine.log"), "a", 0o600);
  const options = {
    "--host": `unix://${join(root, "docker.sock")}`,
    "--data-root": join(root, "data"),
    "--exec-root": join(root, "exec"),
    "--pidfile": join(root, "docker.pid"),
    "--bridge": "none",
    "--ip6tables": "false",
    ...(namespace === undefined ? { "--iptables": "false", "--ip-forward": "false", "--ip-masq": "false" } : {}),
  };
  const [program, ...before] = [...(namespace === undefined ? [] : enter(namespace)), "/usr/sbin/dockerd"] as const;
  // A session of its own: Ctrl-C in a terminal must not reach it before the tests are through with it.
  const child = spawn(program, [...before, ...Object.entries(options).map(([name, value]) => `${name}=${value}`)], {
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  return child;
}

/** As `ip netns exec` does, resolv.conf of the namespace included, but with /sys as it is: dockerd wants its control groups. */
function enter(namespace: string): readonly string[] {
  const bind = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  const network = ["nsenter", `--net=/run/netns/${namespace}`, "unshare", "--mount"];
  return [...network, "sh", "-c", bind, `/etc/netns/${namespace}/resolv.conf`];
}

async function untilAnswers(socket: string, daemon: ChildProcess, root: string): Promise<void> {
  const docker = connect(socket);
  for (const deadline = Date.now() + startupMs; Date.now() < deadline; await pause(50)) {
    if (daemon.exitCode !== null) break;
    if (
      await docker.ping().then(
        () => true,
        () => false,
      )
    )
      return;
  }
  const log = await readFile(join(root, "engine.log"), "utf8").catch(() => "");
  throw new Error(`the engine did not come up:\n${log.split("\n").slice(-15).join("\n")}`);
}

async function stopDaemon(root: string): Promise<void> {
  const docker = connect(join(root, "docker.sock"));
  await removeEverything(docker).catch((error: unknown) => {
    process.stderr.write(`test engine: could not remove its containers: ${String(error)}\n`);
  });
  // dockerd takes its containerd along; after a crash of dockerd it is left and ended by its own pid.
  await endProcess(join(root, "docker.pid"), root);
  await endProcess(join(root, "exec", "containerd", "containerd.pid"), root);
  await unmountBelow(root);
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
}

/** A test run that was killed could not clean up; the next one does it. */
async function sweepAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const root = join(tmpdir(), name);
    const owner = await readPid(join(root, ownerFile));
    if (owner !== undefined && !(await isAlive(owner))) await stopDaemon(root);
  }
}

/** Ends the process a pid file names, if its command line shows that it is this engine's. */
async function endProcess(pidFile: string, root: string): Promise<void> {
  const pid = await readPid(pidFile);
  if (pid === undefined) return;
  const isOurs = async (): Promise<boolean> =>
    (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).includes(root);
  // Asked once: a third SIGTERM would make dockerd leave its containers behind.
  if (await isOurs()) process.kill(pid, "SIGTERM");
  for (let round = 0; await isOurs(); round++) {
    if (round > 300) process.kill(pid, "SIGKILL");
    await pause(50);
  }
}

async function readPid(path: string): Promise<number | undefined> {
  const pid = Number(await readFile(path, "utf8").catch(() => ""));
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

async function isAlive(pid: number): Promise<boolean> {
  return access(`/proc/${pid}`).then(
    () => true,
    () => false,
  );
}

async function removeEverything(docker: Docker): Promise<void> {
  for (const { Id } of await docker.listContainers({ all: true })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
  const predefined = new Set(["none", "host", "bridge"]);
  for (const { Id, Name } of await docker.listNetworks()) {
    if (!predefined.has(Name)) await docker.getNetwork(Id).remove();
  }
}

async function unmountBelow(root: string): Promise<void> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table.split("\n").map((line) => line.split(" ")[4] ?? "");
  const below = points.filter((point) => point.startsWith(`${root}/`)).toSorted((a, b) => b.length - a.length);
  for (const point of below) await run("umount", ["-l", point]);
}

/** Static busybox as `testImage`, unless it is there. */
export async function importBusybox(docker: Docker): Promise<void> {
  const present = await docker
    .getImage(testImage)
    .inspect()
    .then(
      () => true,
      () => false,
    );
  if (present) return;
  await importImage(docker, testImage, []);
}

/** Makes an image of busybox; `changes` are Dockerfile lines such as `VOLUME /data`, `furnish` puts more files into the root. */
export async function importImage(
  docker: Docker,
  name: string,
  changes: readonly string[],
  furnish?: (root: string) => Promise<void>,
): Promise<void> {
  // Podman's import knows no HEALTHCHECK, its build does; Docker's build would want to make the WORKDIR.
  const checks = changes.filter((change) => change.startsWith("HEALTHCHECK"));
  const isTooMuch = checks.length > 0 && (await isPodman(docker));
  const root = await mkdtemp(join(tmpdir(), "homie-image-"));
  try {
    await layOutBusybox(root);
    await furnish?.(root);
    const tar = spawn("tar", ["-C", root, "--owner=0", "--group=0", "-c", "."], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const known = isTooMuch ? changes.filter((change) => !checks.includes(change)) : changes;
    await sendImage(docker, name, known, tar.stdout);
    if (isTooMuch) await build(docker, name, [`FROM ${name}`, ...checks]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function build(docker: Docker, name: string, lines: readonly string[]): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), "homie-build-"));
  try {
    await writeFile(join(context, "Dockerfile"), lines.join("\n"));
    const answer = await docker.buildImage({ context, src: ["Dockerfile"] }, { t: name });
    await untilSaidWell(answer as AsyncIterable<Buffer>, name);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function untilSaidWell(answer: AsyncIterable<Buffer>, name: string): Promise<void> {
  for await (const line of readJsonLines(answer)) {
    const { error } = line as { error?: string };
    if (error !== undefined) throw new Error(`cannot make ${name}: ${error}`);
  }
}

async function sendImage(docker: Docker, name: string, changes: readonly string[], archive: Readable): Promise<void> {
  // With the tag in it: podman 4 does not look at `tag`.
  const query = { fromSrc: "-", repo: name, changes };
  const answer = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    docker.modem.dial(
      {
        path: "/images/create?",
        method: "POST",
        file: archive,
        options: query,
        isStream: true,
        statusCodes: { 200: true },
      },
      (error: unknown, stream: unknown) =>
        error === null ? resolve(stream as NodeJS.ReadableStream) : reject(error as Error),
    );
  });
  await untilSaidWell(answer as AsyncIterable<Buffer>, name);
}

/** Unpacked with hard facts only: busybox, a link for each applet, and the few files a C library looks for. */
async function layOutBusybox(root: string): Promise<void> {
  for (const path of ["bin", "etc", "proc", "dev", "sys", "tmp", "work"])
    await mkdir(join(root, path), { mode: 0o755 });
  await chmod(join(root, "tmp"), 0o1777);
  await copyFile(busyboxPath, join(root, "bin", "busybox"));
  await chmod(join(root, "bin", "busybox"), 0o755);
  await writeFile(
    join(root, "etc", "passwd"),
    "root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532:nonroot:/tmp:/bin/sh\n",
  );
  const { stdout } = await run(busyboxPath, ["--list"]);
  for (const applet of stdout.split("\n").filter((name) => name !== "" && name !== "busybox")) {
    await symlink("busybox", join(root, "bin", applet));
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
