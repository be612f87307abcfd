import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { homePaths } from "../../../src/adapters/home.ts";
import { createHostHandler } from "../../../src/adapters/peers/serve-host.ts";
import type { ListenOptions } from "../../../src/adapters/tls/listen.ts";
import { createHostFiles } from "../../../src/daemon/host/host-files.ts";
import { Host } from "../../../src/daemon/host/host.ts";
import type { ObjectStore } from "../../../src/store/types.ts";
import { sealMessage, type ClaimMessage } from "../../../src/trust/claim.ts";
import { createMachine, openDoor, type Door, type Machine } from "../../adapters/tls/tls-fixture.ts";
import { openStore, testLog, type TestLog } from "../../store/store-fixture.ts";
import { post, type HttpCase } from "./case.ts";

export const uid = "11111111-1111-4111-8111-111111111111";
export const attemptName: string = `${uid}-1`;

/** bob lends his machine; alice and mallory are members, and mallory means no good. */
export interface PeerBed extends AsyncDisposable {
  readonly bob: Machine;
  readonly alice: Machine;
  readonly mallory: Machine;
  readonly members: Set<string>;
  readonly store: ObjectStore;
  readonly log: TestLog;
  readonly door: Door;
  /** Everything that got as far as the program that answers. */
  readonly asked: string[];
  /** Sends as this machine, and answers everything it gets until the connection ends. */
  exchange(by: Machine, send: HttpCase["send"]): Promise<string>;
  claim(by: Machine, change?: Partial<ClaimMessage>, sealedBy?: Machine): string;
}

export async function openPeerBed(options: Partial<ListenOptions> = {}): Promise<PeerBed> {
  const [bob, alice, mallory] = [createMachine(), createMachine(), createMachine()];
  const root = mkdtempSync(join(tmpdir(), "homie-peer-"));
  const paths = homePaths(root);
  const { store } = openStore();
  const log = testLog();
  const members = new Set([alice.node, mallory.node]);
  const host = new Host({
    ...{ store, log, paths, clock: systemClock, own: bob.node, keys: bob.keys, imagesByName: () => false },
    nameOf: (node) => (members.has(node) ? node.slice(0, 8) : undefined),
    judge: {
      trouble: () => Promise.resolve(undefined),
      decide: ({ resources }) => ({ granted: true, runtime: "process", resources: { ...resources, pids: 64 } }),
    },
    files: createHostFiles({ paths }),
  });
  const outputs = join(paths.runs, uid, "1", "outputs");
  mkdirSync(outputs, { recursive: true });
  writeFileSync(join(outputs, "secret.txt"), "alice's secret");
  const asked: string[] = [];
  const handler = createHostHandler(host, log);
  const door = await openDoor(bob, {
    isMember: (node) => members.has(node),
    onRequest: (node, incoming, outgoing) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      handler(node, incoming, outgoing);
    },
    ...options,
  });
  return {
    ...{ bob, alice, mallory, members, store, log, door, asked },
    exchange: (by, send) => exchange(door.listener.port, by, send),
    claim: (by, change, sealedBy = by) => claimText(bob, sealedBy, change),
    async [Symbol.asyncDispose]() {
      host.close();
      await door[Symbol.asyncDispose]();
      store.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function claimText(bob: Machine, by: Machine, change: Partial<ClaimMessage> = {}): string {
  const message: ClaimMessage = {
    ...{ job: { name: "train", uid, generation: 1 }, attempt: 1, executor: bob.node, argv: ["true"], env: [] },
    ...{ workingDir: "", network: "none", outputs: [], guarantee: "AtLeastOnce", leaseSeconds: 90, priority: 0 },
    resources: { cpu: 1, memoryBytes: 2 ** 30, diskBytes: 2 ** 20 },
    ...change,
  };
  const claim = JSON.stringify(message);
  const seal = sealMessage(by.keys, { purpose: "claim", from: by.node, to: bob.node, bytes: Buffer.from(claim) });
  return post("/homie/v1/claims", JSON.stringify({ claim, seal }));
}

async function exchange(port: number, { certificate }: Machine, send: HttpCase["send"]): Promise<string> {
  const [text, end] = typeof send === "string" || Buffer.isBuffer(send) ? [send] : send;
  return await new Promise((resolve) => {
    let answer = "";
    const options = { host: "127.0.0.1", port, rejectUnauthorized: false, ALPNProtocols: ["homie/1"], ...certificate };
    const socket = connect(options, () => {
      socket.write(text);
      if (end === null) socket.end();
    });
    socket.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(answer));
  });
}
