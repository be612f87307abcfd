import type {
  Invite,
  JoinRequestReport,
  NetworkPeerReport,
  NetworkReport,
} from "../../../src/resources/network-report.ts";
import type { LabHost } from "../lab/host.ts";

async function askJson<T>(host: LabHost, ...args: readonly string[]): Promise<T> {
  return JSON.parse(await host.cli.ok([...args, "-o", "json"])) as T;
}

export function statusOf(host: LabHost): Promise<NetworkReport> {
  return askJson(host, "network", "status");
}

/** The scripted way in. Answers the address that the inviter gave. */
export async function admit(inviter: LabHost, joiner: LabHost, name: string = joiner.name): Promise<string> {
  const asked: JoinRequestReport = await askJson(joiner, "network", "join", "--request-only");
  const request = ["--request", asked.request, "--name", name, "--yes"];
  const invite: Invite = await askJson(inviter, "network", "invite", ...request);
  const [hers, his] = [invite.fingerprint, asked.fingerprint].map((words) => words.join(" "));
  if (hers !== his) throw new Error(`the six words differ: ${hers}, ${his}`);
  await joiner.cli.ok(["network", "join", "--bundle", "-", "--yes"], { input: invite.bundle });
  return invite.assignedIp;
}

export async function peerOf(host: LabHost, name: string): Promise<NetworkPeerReport | undefined> {
  return (await statusOf(host)).peers.find((peer) => peer.name === name);
}

/** As `direct`, or `relay via vivek`. */
export async function connectionOf(host: LabHost, name: string): Promise<string | undefined> {
  const peer = await peerOf(host, name);
  return peer?.via === undefined ? peer?.connection : `${peer.connection} via ${peer.via}`;
}

/** Whether one ping over the mesh comes back. */
export async function reaches(host: LabHost, address: string): Promise<boolean> {
  return host.run("ping", "-c", "1", "-W", "1", address).then(
    () => true,
    () => false,
  );
}

/** A hundred pings a second, until it is stopped. */
export class SteadyPing {
  readonly #host: LabHost;
  readonly #said: Promise<string>;

  constructor(host: LabHost, address: string) {
    this.#host = host;
    // Within a machine of the lab there is no other ping.
    // The last one may be on its way when it is stopped: what counts is what is missing before the last that came back.
    const count =
      '/icmp_seq=/ { split($2, part, " "); got++; if (part[1] + 0 > last) last = part[1] + 0 } END { print got + 0, last + 0 }';
    const script = 'ping -n -i 0.01 "$1" | awk -F icmp_seq= "$2"';
    this.#said = host.run("sh", "-c", script, "ping", address, count);
    // A test that fails before does not stop it: its machine is switched off under it.
    this.#said.catch(() => undefined);
  }

  /** Answers how many came back, and how many did not. */
  async stop(): Promise<{ readonly received: number; readonly lost: number }> {
    await this.#host.run("pkill", "-INT", "-x", "ping");
    const [received = 0, last = 0] = (await this.#said).trim().split(" ").map(Number);
    return { received, lost: last - received };
  }
}
