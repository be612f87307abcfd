import type Docker from "dockerode";

type Container = Docker.ContainerInspectInfo;
export interface Rule {
  /** `5.4` of the CIS Docker Benchmark 1.6, or a control of the Pod Security Standards. */
  readonly id: string;
  readonly title: string;
  readonly holds: (container: Container) => boolean;
}

const empty = (list: readonly unknown[] | null | undefined): boolean => (list ?? []).length === 0;
const isPrivate = (mode: string | undefined): boolean => mode === "" || mode === "private" || mode === undefined;
const option = (container: Container, start: string): string | undefined =>
  container.HostConfig.SecurityOpt?.find((each: string) => each.startsWith(start));
const hostPaths = (container: Container): readonly string[] =>
  container.Mounts.filter(({ Type: type }) => type === "bind").map(({ Source: source }) => source);
const hasAllDropped = ({ HostConfig: host }: Container): boolean =>
  JSON.stringify(host.CapDrop) === '["ALL"]' && empty(host.CapAdd as readonly string[]);
const isUnprivileged = ({ HostConfig: host }: Container): boolean => host.Privileged === false;
const usesNoPort = ({ HostConfig: host }: Container): boolean =>
  Object.keys((host.PortBindings ?? {}) as object).length === 0 && host.PublishAllPorts === false;
const gainsNothing = (container: Container): boolean =>
  option(container, "no-new-privileges") === "no-new-privileges:true";
const filtersCalls = (container: Container): boolean => {
  const profile = option(container, "seccomp=");
  return profile !== undefined && profile !== "seccomp=unconfined" && profile.includes("SCMP_ACT_ERRNO");
};
const isConfined = (container: Container): boolean => option(container, "apparmor=") !== "apparmor=unconfined";
const isNotRoot = ({ Config: config }: Container): boolean => /^[1-9]\d*(:[1-9]\d*)?$/.test(config.User);

/**
 * What section 5 of the CIS Docker Benchmark 1.6 asks that `docker inspect` can answer. Left out: 5.1 and 5.3 where the machine has
 * neither AppArmor nor SELinux, 5.7 and 5.28 (about what is in an image), 5.23, 5.24 (about `docker exec`), 5.27: a health check is
 * code of the image that would run beside the Job, so it is off.
 */
export const cisRules: readonly Rule[] = [
  { id: "5.2", title: "AppArmor is not switched off", holds: isConfined },
  { id: "5.4", title: "no capability is left", holds: hasAllDropped },
  { id: "5.5", title: "not privileged", holds: isUnprivileged },
  { id: "5.6", title: "no directory of the host is mounted", holds: (each) => empty(hostPaths(each)) },
  { id: "5.8", title: "no privileged port is mapped", holds: usesNoPort },
  { id: "5.9", title: "no port is open", holds: usesNoPort },
  { id: "5.10", title: "not the host's network", holds: (each) => each.HostConfig.NetworkMode !== "host" },
  { id: "5.11", title: "memory is limited", holds: (each) => (each.HostConfig.Memory ?? 0) > 0 },
  { id: "5.12", title: "processor weight is set", holds: (each) => (each.HostConfig.CpuShares ?? 0) > 0 },
  { id: "5.13", title: "the root is read-only", holds: (each) => each.HostConfig.ReadonlyRootfs === true },
  { id: "5.14", title: "nothing comes in from any interface", holds: usesNoPort },
  {
    id: "5.15",
    title: "the engine never starts it again",
    holds: (each) => each.HostConfig.RestartPolicy?.Name === "no",
  },
  { id: "5.16", title: "not the host's processes", holds: (each) => isPrivate(each.HostConfig.PidMode) },
  { id: "5.17", title: "not the host's IPC", holds: (each) => isPrivate(each.HostConfig.IpcMode) },
  { id: "5.18", title: "no device of the host", holds: (each) => empty(each.HostConfig.Devices as readonly unknown[]) },
  { id: "5.19", title: "ulimits of its own", holds: (each) => !empty(each.HostConfig.Ulimits as readonly unknown[]) },
  {
    id: "5.20",
    title: "no mount is shared with the host",
    holds: (each) => each.Mounts.every(({ Propagation: propagation }) => !/shared/.test(propagation ?? "")),
  },
  { id: "5.21", title: "not the host's name", holds: (each) => isPrivate(each.HostConfig.UTSMode) },
  { id: "5.22", title: "system calls are filtered", holds: filtersCalls },
  { id: "5.25", title: "in the engine's own cgroup", holds: (each) => (each.HostConfig.CgroupParent ?? "") === "" },
  { id: "5.26", title: "gains no privileges", holds: gainsNothing },
  { id: "5.29", title: "processes are limited", holds: (each) => (each.HostConfig.PidsLimit ?? 0) > 0 },
  {
    id: "5.30",
    title: "not on the engine's common bridge",
    holds: (each) => !["", "default", "bridge"].includes(each.HostConfig.NetworkMode ?? ""),
  },
  { id: "5.31", title: "not the host's users", holds: (each) => each.HostConfig.UsernsMode !== "host" },
  {
    id: "5.32",
    title: "no socket of an engine",
    holds: (each) => !JSON.stringify([each.Mounts, each.HostConfig.Binds]).includes(".sock"),
  },
];

/** The controls of Kubernetes' Pod Security Standards, baseline and restricted, that a single Linux container has. */
export const restrictedRules: readonly Rule[] = [
  {
    id: "host namespaces",
    title: "shares none with the host",
    holds: ({ HostConfig: host }) =>
      ![host.NetworkMode, host.PidMode, host.IpcMode, host.UTSMode, host.UsernsMode].includes("host"),
  },
  { id: "privileged containers", title: "not privileged", holds: isUnprivileged },
  { id: "capabilities", title: "drops ALL and adds none", holds: hasAllDropped },
  { id: "host path volumes", title: "mounts none", holds: (each) => empty(hostPaths(each)) },
  { id: "host ports", title: "uses none", holds: usesNoPort },
  { id: "AppArmor", title: "not switched off", holds: isConfined },
  { id: "SELinux", title: "no type of its own", holds: (each) => option(each, "label=") === undefined },
  {
    id: "/proc mount type",
    title: "masked as by default",
    holds: ({ HostConfig: host }) => !empty((host as unknown as { MaskedPaths?: readonly string[] }).MaskedPaths),
  },
  { id: "seccomp", title: "a profile is set", holds: filtersCalls },
  {
    id: "sysctls",
    title: "sets none",
    holds: (each) => Object.keys((each.HostConfig.Sysctls ?? {}) as object).length === 0,
  },
  {
    id: "volume types",
    title: "a volume of its own or memory",
    holds: (each) => each.Mounts.every(({ Type: type }) => type === "volume" || type === "tmpfs"),
  },
  { id: "privilege escalation", title: "not allowed", holds: gainsNothing },
  { id: "running as non-root", title: "a user by number, not 0", holds: isNotRoot },
  { id: "running as non-root user", title: "user and group are not 0", holds: isNotRoot },
];

export const broken = (rules: readonly Rule[], container: Container): readonly string[] =>
  rules.filter(({ holds }) => !holds(container)).map(({ id, title }) => `${id} ${title}`);
