import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { importImage } from "./engine.ts";
import type { Call } from "./machine-program.ts";
import { renderProgram } from "./machine-program.ts";

/** Everything an image can do to get code, disk or a name past the person who runs it. */
const hostileChanges = [
  "USER root",
  "WORKDIR /proc/self/fd/8",
  'ENTRYPOINT ["/bin/echo","hostile"]',
  "VOLUME /data /tmp /work",
  "ENV LD_PRELOAD=/x.so LD_AUDIT=/x.so NVIDIA_VISIBLE_DEVICES=all",
  "HEALTHCHECK --interval=1s CMD touch /work/job/checked",
  "EXPOSE 80",
];

export const hostileImage = "homie-test/sandbox:1";
/** Error numbers of Linux that a refusal may come with. */
export const [EPERM, EACCES, EINVAL, EMFILE, ENOSYS, ENODATA, EAFNOSUPPORT, ENETUNREACH, ECONNREFUSED] = [
  1, 13, 22, 24, 38, 61, 97, 101, 111,
];
/** What a program exits with whose last call succeeded with 0. */
export const worked = 0;

const newUser = 0x10000000n;
const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** struct sockaddr_in, for `connect`. */
function internetAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(2, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

function datagramTo(address: string, port: number): readonly Call[] {
  return [
    { number: 41, args: [2n, 2n] },
    { number: 42, args: ["last", internetAddress(address, port), 16n] },
  ];
}

/** Opens a TCP connection. */
function streamTo(address: string, port: number): readonly Call[] {
  return [
    { number: 41, args: [2n, 1n] },
    { number: 42, args: ["last", internetAddress(address, port), 16n] },
  ];
}

/** An access control list that gives root more than the mode says (struct posix_acl_xattr_header and entries). */
function accessList(): Buffer {
  const entries = [
    [1, 6, 0xffffffff],
    [2, 7, 0],
    [4, 4, 0xffffffff],
    [0x10, 7, 0xffffffff],
    [0x20, 4, 0xffffffff],
  ] as const;
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  }
  return bytes;
}

/** System call numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl). */
export const probes = {
  // Its exit code is 256 minus the answer: 0 for root, 4 for 65532.
  geteuid: [{ number: 107 }],
  mount: [{ number: 165, args: [text("none"), text("/tmp"), text("tmpfs")] }],
  umount2: [{ number: 166, args: [text("/tmp")] }],
  pivot_root: [{ number: 155, args: [text("/tmp"), text("/tmp")] }],
  chroot: [{ number: 161, args: [text("/tmp")] }],
  unshare_user: [{ number: 272, args: [newUser] }],
  clone_user: [{ number: 56, args: [newUser | 17n] }],
  clone3: [{ number: 435 }],
  setns: [{ number: 308 }],
  bpf: [{ number: 321 }],
  perf_event_open: [{ number: 298 }],
  userfaultfd: [{ number: 323 }],
  io_uring_setup: [{ number: 425 }],
  keyctl: [{ number: 250 }],
  add_key: [{ number: 248 }],
  request_key: [{ number: 249 }],
  kexec_load: [{ number: 246 }],
  init_module: [{ number: 175 }],
  finit_module: [{ number: 313 }],
  open_by_handle_at: [{ number: 304 }],
  syslog: [{ number: 103, args: [3n] }],
  reboot: [{ number: 169, args: [0xfee1deadn, 672274793n, 0n] }],
  settimeofday: [{ number: 164 }],
  swapon: [{ number: 167, args: [text("/tmp/x")] }],
  mknod_memory: [{ number: 133, args: [text("/tmp/mem"), 0o20666n, 0x101n] }],
  mknod_disk: [{ number: 133, args: [text("/tmp/sda"), 0o60666n, 0x800n] }],
  mknod_kmsg: [{ number: 133, args: [text("/tmp/kmsg"), 0o20666n, 0x10bn] }],
  socket_raw: [{ number: 41, args: [2n, 3n, 1n] }],
  socket_packet: [{ number: 41, args: [17n, 3n, 0x300n] }],
  socket_vsock: [{ number: 41, args: [40n, 1n] }],
  socket_alg: [{ number: 41, args: [38n, 5n] }],
  // The kernel reads 32 bits of the family, a filter 64: the upper half must not be a way around.
  socket_alg_disguised: [{ number: 41, args: [0x1_0000_0026n, 5n] }],
  dup_without_end: [{ number: 32, args: [0n], untilError: true }],
  // Addresses that lead nowhere (RFC 5737), should a sandbox ever fail.
  stream_internet: streamTo("192.0.2.1", 443),
  stream_name_server: streamTo("192.0.2.53", 53),
  stream_gateway: streamTo("172.17.0.1", 2375),
  stream_metadata: streamTo("169.254.169.254", 80),
  stream_mesh: streamTo("10.99.0.1", 5556),
  stream_own_loopback: streamTo("127.0.0.1", 5556),
  datagram_broadcast: datagramTo("255.255.255.255", 5555),
  datagram_multicast_dns: datagramTo("224.0.0.251", 5353),
  datagram_name_server: datagramTo("192.0.2.53", 53),
  make_socket: [
    { number: 41, args: [1n, 1n] },
    { number: 49, args: ["last", Buffer.from("\u0001\0socket\0"), 9n] },
  ],
  make_attribute: [{ number: 188, args: [text("noted"), text("user.secret"), text("kept"), 4n] }],
  make_access_list: [{ number: 188, args: [text("listed"), text("system.posix_acl_access"), accessList(), 44n] }],
} satisfies Readonly<Record<string, readonly Call[]>>;

/** Busybox, a probe for each system call below /probes, a copy with the set-user-id bit, and a list of hostile settings. */
export async function importSandboxImage(docker: Docker): Promise<void> {
  await importImage(docker, hostileImage, hostileChanges, async (root) => {
    const directory = join(root, "probes");
    await mkdir(directory, { mode: 0o755 });
    for (const [name, calls] of Object.entries(probes)) {
      await writeFile(join(directory, name), renderProgram(calls));
      await chmod(join(directory, name), 0o755);
    }
    await writeFile(join(root, "bin", "setuid-geteuid"), renderProgram(probes.geteuid));
    await chmod(join(root, "bin", "setuid-geteuid"), 0o4755);
    await mkdir(join(root, "data"), { mode: 0o777 });
    await chmod(join(root, "data"), 0o777);
  });
}
