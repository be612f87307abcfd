import { systemClock } from "../../adapters/clock/system-clock.ts";
import { dial } from "../../adapters/tls/dial.ts";
import { Link } from "../../adapters/tls/link.ts";
import { createCertificate } from "../../trust/certificate.ts";
import { deriveGroupKeys } from "../../trust/group-secret.ts";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../trust/identity.ts";
import { signRecord, type LiveRecord } from "../../trust/record.ts";
import { callApi } from "./api.ts";
import type { BenchCrew } from "./crew-homes.ts";
import type { Row } from "./measure.ts";

const peers = 50;
const beatMs = 2_000;
const settleMs = 10_000;
const countMs = 10_000;
const gibibyte = 2 ** 30;

/** alice with 50 peers: bob, and others of which there is only a link and a record every two seconds, made by this process. */
export async function measureSize(crew: BenchCrew, signal: AbortSignal): Promise<readonly Row[]> {
  const alone = await crew.alice.usage();
  const guests: Guest[] = [];
  try {
    for (let number = 1; number < peers; number++) guests.push(await joinAs(`guest-${number}`, crew, signal));
    await systemClock.sleep(settleMs, signal);
    const online = await countOnline(crew.alice.socket);
    if (online !== peers) throw new Error(`${online} of ${peers} peers are online`);
    const before = await crew.alice.usage();
    await systemClock.sleep(countMs, signal);
    const after = await crew.alice.usage();
    const share = ((after.cpuSeconds - before.cpuSeconds) / (countMs / 1_000)) * 100;
    return [
      {
        what: `resident memory, ${peers} peers linked`,
        value: `${after.rssMiB.toFixed(0)} MiB`,
        baseline: `the same daemon, 1 peer: ${alone.rssMiB.toFixed(0)} MiB`,
        ratio: `+${(after.rssMiB - alone.rssMiB).toFixed(0)} MiB`,
        budget: "",
      },
      {
        what: `processor, ${peers} peers linked, no job`,
        value: `${share.toFixed(2)} % of a core`,
        baseline: "",
        ratio: "",
        budget: "",
      },
    ];
  } finally {
    for (const { leave } of guests) leave();
  }
}

interface Guest {
  leave(): void;
}

async function joinAs(name: string, crew: BenchCrew, signal: AbortSignal): Promise<Guest> {
  const { identityKey } = generateIdentity();
  const identity = publicKeyOf(identityKey, "ed25519");
  const keys = deriveGroupKeys(crew.groupSecret);
  const endpoint = { host: "127.0.0.1", port: crew.alicePort };
  const outcome = await dial(endpoint, undefined, {
    certificate: createCertificate(identityKey),
    identity,
    keys,
    signal,
  });
  if (!outcome.ok) throw new Error(outcome.message);
  const { socket, peer, head } = outcome;
  const link = new Link({ socket, peer, dialled: true, nowMs: () => performance.now(), allow: () => true });
  const nothing = (): void => undefined;
  link.start(
    {
      record: nothing,
      gossip: nothing,
      rtt: nothing,
      known: nothing,
      membership: nothing,
      path: nothing,
      closed: nothing,
    },
    head,
  );
  let seq = 0;
  const beat = (): void => link.heartbeat(signRecord(recordOf(nodeIdOf(identity), name, ++seq), identityKey));
  beat();
  const timer = setInterval(beat, beatMs);
  return {
    leave() {
      clearInterval(timer);
      link.close("leaving");
    },
  };
}

/** Figures that move a little with every record, as those of a machine do. */
function recordOf(node: string, name: string, seq: number): LiveRecord {
  return {
    ...{ node, name, version: "0.1.0", boot: 1, seq },
    cpuCount: 8,
    cpuUsedPercent: 10 + (seq % 10),
    memoryTotal: 16 * gibibyte,
    memoryFree: (8 + (seq % 3) / 10) * gibibyte,
    diskFree: 200 * gibibyte,
    gpus: [],
    jobs: 0,
    allocatable: { cpu: 8, memory: 12 * gibibyte, disk: 100 * gibibyte, gpus: 0, jobs: 8 },
    allocated: { cpu: 0, memory: 0, disk: 0, gpus: 0, jobs: 0 },
    lends: { platform: "linux/amd64" },
    // Nobody listens there: the peers of this bench only dial.
    endpoints: [],
  };
}

async function countOnline(socket: string): Promise<number> {
  const list = (await callApi(socket, "GET", "/apis/homie.dev/v1/peers")) as {
    readonly items: readonly { readonly status?: { readonly phase?: string } }[];
  };
  return list.items.filter(({ status }) => status?.phase === "Online").length;
}
