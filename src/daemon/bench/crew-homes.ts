import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { watchApi } from "./api.ts";
import { startSubject, type Subject } from "./subject.ts";

/** Two daemons on one machine, in homes of their own, that know each other over loopback. */
export interface BenchCrew {
  readonly alice: Subject;
  readonly bob: Subject;
  readonly alicePort: number;
  readonly groupSecret: string;
  stop(): Promise<void>;
}

interface HomeWish {
  readonly name: string;
  readonly groupSecret: string;
  readonly port: number;
  /** Where the others listen. */
  readonly peers: readonly number[];
}

/** Jobs of alice that are pinned to bob run in bob's containers. */
export async function startCrew(directory: string, signal: AbortSignal): Promise<BenchCrew> {
  const groupSecret = randomBytes(16).toString("hex");
  const [alicePort, bobPort] = [await freePort(), await freePort()];
  const bobHome = await createHome(directory, { name: "bob", groupSecret, port: bobPort, peers: [] });
  const aliceHome = await createHome(directory, { name: "alice", groupSecret, port: alicePort, peers: [bobPort] });
  const bob = await startSubject(bobHome, "bob", signal);
  try {
    const alice = await startSubject(aliceHome, "alice", signal);
    const stop = async (): Promise<void> => {
      await alice.stop();
      await bob.stop();
    };
    await peerIsOnline(alice.socket, "bob").catch(async (error: unknown) => {
      await alice.stop();
      throw error;
    });
    return { alice, bob, alicePort, groupSecret, stop };
  } catch (error) {
    await bob.stop();
    throw error;
  }
}

async function createHome(directory: string, { name, groupSecret, port, peers }: HomeWish): Promise<string> {
  const home = join(directory, name);
  await mkdir(join(home, "desired"), { recursive: true, mode: 0o700 });
  const config = [`name: ${name}`, `group_secret: ${groupSecret}`, "discovery_port: 0", `worker_port: ${port}`];
  await writeFile(join(home, "config.yaml"), `${config.join("\n")}\n`, { mode: 0o600 });
  await writeFile(join(home, "peers"), peers.map((peer) => `127.0.0.1:${peer}\n`).join(""), { mode: 0o600 });
  const limits = {
    apiVersion: "homie.dev/v1",
    kind: "Limits",
    metadata: { name: "default" },
    spec: { runtime: "docker", allow: { peers: ["alice", "bob"] } },
  };
  // JSON is YAML, too.
  await writeFile(join(home, "desired", "limits.yaml"), JSON.stringify(limits), { mode: 0o600 });
  return home;
}

function peerIsOnline(socket: string, name: string): Promise<void> {
  return watchApi(socket, "/apis/homie.dev/v1/peers?watch=true", (object) => {
    const { status } = object as { status?: { name?: string; phase?: string } };
    return status?.name === name && status.phase === "Online";
  });
}

/** Nobody else has it now; that nobody takes it within the next second is what everybody hopes who does this. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
