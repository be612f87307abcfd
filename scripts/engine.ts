import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { startEngine } from "../test/support/engine.ts";

const run = promisify(execFile);
/** Programs the end-to-end tests start, and the Debian package each comes in. */
const programs = [
  ["/usr/sbin/dockerd", "docker.io"],
  ["/usr/bin/podman", "podman"],
  ["/usr/bin/catatonit", "catatonit"],
  ["/bin/busybox", "busybox-static"],
  ["/usr/sbin/iptables", "iptables"],
  ["/sbin/ip", "iproute2"],
  ["/usr/bin/tcpdump", "tcpdump"],
  ["/usr/bin/vim", "vim"],
  ["/usr/bin/nano", "nano"],
  ["/usr/sbin/debootstrap", "debootstrap"],
  ["/usr/bin/faketime", "faketime"],
  ["/usr/bin/wg", "wireguard-tools"],
  ["/usr/bin/wireguard-go", "wireguard-go"],
  ["/usr/sbin/nft", "nftables"],
  ["/usr/sbin/conntrack", "conntrack"],
  ["/sbin/sysctl", "procps"],
  ["/bin/ping", "iputils-ping"],
  ["/usr/bin/iperf3", "iperf3"],
  ["/usr/bin/python3", "python3"],
  ["/usr/bin/strace", "strace"],
] as const;

/** `node scripts/engine.ts install|start`: what end-to-end tests need on a machine without it, the container engine above all. */
async function main(command: string | undefined): Promise<number> {
  if (command === "install") return install();
  if (command === "start") return start();
  process.stderr.write("usage: node scripts/engine.ts install|start\n");
  return 2;
}

async function install(): Promise<number> {
  const packages: string[] = [];
  for (const [path, name] of programs) if (!(await isPresent(path))) packages.push(name);
  if (packages.length === 0) {
    process.stdout.write("everything is installed\n");
    return 0;
  }
  const refusal = await whyNotHere();
  if (refusal !== undefined) {
    process.stderr.write(`cannot install ${packages.join(", ")}: ${refusal}\n`);
    return 1;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await run("apt-get", ["update"], { env });
  await run("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { env, maxBuffer: 64 * 1024 * 1024 });
  process.stdout.write(`installed ${packages.join(", ")}\n`);
  return 0;
}

async function whyNotHere(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "this needs root; install Docker Engine the way your system does";
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID(_LIKE)?=.*debian/m.test(release))
    return "this is not Debian; install Docker Engine the way your system does";
  return undefined;
}

/** Runs a private engine until a signal, for trying things by hand: DOCKER_HOST=… docker ps. */
async function start(): Promise<number> {
  const engine = await startEngine();
  process.stdout.write(
    `export HOMIE_TEST_DOCKER_HOST=${engine.host} DOCKER_HOST=${engine.host}\n# image ${engine.image}; ends with Ctrl-C\n`,
  );
  await new Promise<void>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
    // A pending promise alone does not keep the process alive.
    const alive = setInterval(() => undefined, 60_000);
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => clearInterval(alive));
  });
  await engine.stop();
  return 0;
}

async function isPresent(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

process.exitCode = await main(process.argv[2]);
