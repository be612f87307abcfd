import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobSpec } from "../../../src/resources/job.ts";
import { isEngineMissing } from "../../contract/docker-bed.ts";
import { EACCES, EAFNOSUPPORT, EINVAL, ENOSYS, EPERM } from "../../support/sandbox-image.ts";
import { runProbes, SandboxBed, sh } from "./bed.ts";

/** System calls, by row; all of them are refused. */
const refused = {
  "S-09": ["mount", "umount2", "pivot_root", "chroot"],
  "S-10": ["unshare_user", "clone_user", "clone3", "setns"],
  "S-11": [
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "keyctl",
    "add_key",
    "request_key",
    "kexec_load",
    "init_module",
    "finit_module",
    "open_by_handle_at",
    "reboot",
    "settimeofday",
    "swapon",
  ],
  "S-13": ["syslog"],
  "S-14": ["mknod_memory", "mknod_disk", "mknod_kmsg"],
  "S-26": ["socket_raw", "socket_packet", "socket_vsock", "socket_alg", "socket_alg_disguised"],
} as const;
type Row = keyof typeof refused;
const refusals: ReadonlySet<number> = new Set([EPERM, EACCES, EINVAL, ENOSYS, EAFNOSUPPORT]);
const jobOf = (row: Row): string => `calls-${row.toLowerCase()}`;

const write = "while read f; do (echo 1 >$f) 2>/dev/null && echo wrote $f; done";
const jobs: Readonly<Record<string, Partial<JobSpec>>> = {
  ...Object.fromEntries(Object.entries(refused).map(([row, names]) => [jobOf(row as Row), sh(runProbes(names))])),
  user: sh("id -u; /bin/setuid-geteuid; echo $?; grep NoNewPrivs /proc/self/status"),
  volume: sh("dd if=/dev/zero of=/data/x bs=1M count=200 2>/dev/null; echo $?; df -m /data | tail -1"),
  checked: sh("sleep 3; ls -A; echo end"),
  entry: { command: ["/bin/echo", "mine"] },
  directory: sh("pwd; readlink /proc/self/cwd"),
  environment: sh("echo [$LD_PRELOAD][$LD_AUDIT][$NVIDIA_VISIBLE_DEVICES]; ls /dev | grep -c nvidia"),
  capabilities: sh("grep ^Cap /proc/self/status"),
  // Everything that can be set is tried, thousands of files.
  kernel: {
    ...sh(
      `find /proc/sys /sys/fs/cgroup /sys/kernel -type f 2>/dev/null | ${write}; echo /proc/sysrq-trigger | ${write}; echo end`,
    ),
    resources: { cpu: 0.5, memory: "64Mi", disk: "64Mi" },
  },
  masked: sh(
    "for f in /proc/kcore /proc/keys /proc/timer_list; do head -c 1 $f 2>/dev/null | wc -c; done; ls /sys/firmware 2>/dev/null | wc -l; dmesg >/dev/null 2>&1 || echo refused",
  ),
  devices: sh("ls /dev"),
  host: sh("find / -xdev -name '*.sock' 2>/dev/null; cat /proc/self/mountinfo"),
  readonly: sh(
    "for f in /x /etc/x /usr/x /bin/x /bin/busybox /etc/passwd; do (echo x >$f) 2>/dev/null && echo wrote $f; done; touch /etc/x 2>&1; echo end",
  ),
  netlink: sh("ip link set lo down 2>&1; ip route add 10.0.0.0/8 dev lo 2>&1; echo end"),
};

describe.skipIf(await isEngineMissing("the sandbox rows"))("what a hostile Job and its image may do", () => {
  let bed: SandboxBed;
  beforeAll(async () => {
    bed = await SandboxBed.open();
    await bed.apply(jobs);
  });
  afterAll(() => bed?.close());

  async function expectRefused(row: Row): Promise<void> {
    const results = (await bed.lines(jobOf(row))).map((line) => line.split(" "));
    expect(results.map(([name]) => name)).toEqual(refused[row]);
    expect(results.filter(([, code]) => !refusals.has(Number(code)))).toEqual([]);
  }

  it("S-02: root in the image and a set-user-id program give no root", async () => {
    // The program's exit code is 256 minus its effective user id, modulo 256: 4 for 65532, 0 for root.
    expect(await bed.lines("user")).toEqual(["65532", "4", "NoNewPrivs:\t1"]);
  });

  it("S-03: a volume of the image is a small tmpfs, and nothing of it stays", async () => {
    const [code, df] = await bed.lines("volume");
    expect(Number(code)).not.toBe(0);
    expect(Number(df?.split(/\s+/)[1])).toBeLessThanOrEqual(64);
    await expect.poll(() => bed.leftovers("volume"), { timeout: 20_000 }).toEqual([]);
  });

  it("S-04: the image's health check never runs", async () => {
    expect(await bed.lines("checked")).toEqual(["end"]);
  });

  it("S-05: the image's entry point never runs", async () => {
    expect(await bed.lines("entry")).toEqual(["mine"]);
  });

  it("S-06: the image's working directory, a descriptor of the engine, is not taken", async () => {
    expect(await bed.lines("directory")).toEqual(["/work/job", "/work/job"]);
  });

  it("S-07: the image's environment loads no library and asks for no GPU", async () => {
    expect(await bed.lines("environment")).toEqual(["[][][void]", "0"]);
  });

  it("S-08: no capability is left in any set", async () => {
    const lines = await bed.lines("capabilities");
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line).toMatch(/^Cap\w+:\s0{16}$/);
  });

  it("S-09: mounting, unmounting and another root are refused", () => expectRefused("S-09"));
  it("S-10: name spaces of its own or of others are refused", () => expectRefused("S-10"));
  it("S-11: what reaches into the kernel is refused, each call", () => expectRefused("S-11"));

  it("S-12: no setting of the kernel can be written", async () => {
    expect(await bed.lines("kernel")).toEqual(["end"]);
  });

  it("S-13: what tells of the kernel is masked", async () => {
    expect(await bed.lines("masked")).toEqual(["0", "0", "0", "0", "refused"]);
    await expectRefused("S-13");
  });

  it("S-14: only the devices that every container has are there, and none can be made", async () => {
    const ordinary = [
      "core",
      "fd",
      "full",
      "mqueue",
      "null",
      "ptmx",
      "pts",
      "random",
      "shm",
      "stderr",
      "stdin",
      "stdout",
      "tty",
      "urandom",
      "zero",
    ];
    expect((await bed.lines("devices")).filter((name) => !ordinary.includes(name))).toEqual([]);
    await expectRefused("S-14");
  });

  it("S-15: no socket and no path of the host can be seen", async () => {
    const output = await bed.output("host");
    expect(output).not.toContain(bed.home.home);
    expect(output).not.toMatch(/docker\.sock|homie\.sock/);
  });

  it("S-23: nothing outside its places can be written", async () => {
    expect(await bed.lines("readonly")).toEqual(["touch: /etc/x: Read-only file system", "end"]);
  });

  it("S-26: raw, packet, VM and crypto sockets are refused, and so is a change of the network", async () => {
    await expectRefused("S-26");
    const denied = expect.stringMatching(/not permitted/i) as string;
    expect(await bed.lines("netlink")).toEqual([denied, denied, "end"]);
  });
});
