import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { homePaths } from "../../../src/adapters/home.ts";
import { createPeerClient, type PeerClient } from "../../../src/adapters/peers/peer-client.ts";
import { createHostHandler } from "../../../src/adapters/peers/serve-host.ts";
import { createHostFiles } from "../../../src/daemon/host/host-files.ts";
import { Host } from "../../../src/daemon/host/host.ts";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import type { Attempt } from "../../../src/resources/attempt.ts";
import { HomieError } from "../../../src/resources/errors.ts";
import type { ObjectStore } from "../../../src/store/types.ts";
import { sealMessage, type ClaimMessage } from "../../../src/trust/claim.ts";
import { createMachine, openDoor, type Door, type Machine } from "../../adapters/tls/tls-fixture.ts";
import { openStore, testLog } from "../../store/store-fixture.ts";

const uid = "11111111-1111-4111-8111-111111111111";
const name = `${uid}-1`;
const noInputs = { entries: 0, bytes: 0, chunks: [] };

describe("an executor and its callers", () => {
  const bob = createMachine();
  const alice = createMachine();
  const mallory = createMachine();
  const members = new Map([
    [alice.node, "alice"],
    [mallory.node, "mallory"],
  ]);
  let store: ObjectStore;
  let door: Door;
  let host: Host;
  let clients: PeerClient[];
  let full: boolean;
  let assigned: { readonly gpus?: readonly string[] };

  beforeEach(async () => {
    full = false;
    assigned = {};
    clients = [];
    const paths = homePaths(mkdtempSync(join(tmpdir(), "homie-host-")));
    ({ store } = openStore());
    const log = testLog();
    host = new Host({
      ...{ store, log, paths, clock: systemClock, own: bob.node, keys: bob.keys },
      nameOf: (node) => members.get(node),
      imagesByName: () => false,
      judge: {
        trouble: () => Promise.resolve(undefined),
        decide: ({ resources }) =>
          full
            ? { granted: false, reasons: [{ limit: "maxJobs", need: "1", free: "0", message: "full" }], waitable: true }
            : { granted: true, runtime: "process", resources: { ...resources, pids: 64 }, ...assigned },
      },
      files: createHostFiles({ paths }),
    });
    const onRequest = createHostHandler(host, log);
    door = await openDoor(bob, { isMember: (node) => members.has(node), onRequest });
    const root = join(paths.runs, uid, "1", "outputs");
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, "secret.txt"), "alice's");
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    host.close();
    await door[Symbol.asyncDispose]();
    store.close();
  });

  function clientOf(machine: Machine): PeerClient {
    const client = createPeerClient({
      certificate: machine.certificate,
      endpointsOf: () => [{ host: "127.0.0.1", port: door.listener.port }],
      signal: new AbortController().signal,
    });
    clients.push(client);
    return client;
  }

  const claimOf = (change: Partial<ClaimMessage> = {}): ClaimMessage => ({
    ...{ job: { name: "train", uid, generation: 1 }, attempt: 1, executor: bob.node, argv: ["true"], env: [] },
    ...{ workingDir: "", network: "none", outputs: [], guarantee: "AtLeastOnce", leaseSeconds: 90, priority: 0 },
    resources: { cpu: 1, memoryBytes: 2 ** 30, diskBytes: 2 ** 20 },
    ...change,
  });

  async function ask(
    machine: Machine,
    path: string,
    body: object = {},
    method: "POST" | "GET" = "POST",
  ): Promise<unknown> {
    const client = clientOf(machine);
    return client.ask(bob.node, {
      method,
      path: `/homie/v1/${path}`,
      answerMs: 5_000,
      ...(method === "GET" ? {} : { body }),
    });
  }
  async function codeOf(answer: Promise<unknown>): Promise<string> {
    return answer.then(
      () => "granted",
      (error: unknown) => (error instanceof HomieError ? error.code : String(error)),
    );
  }

  function sealed(machine: Machine, purpose: "claim" | "offer", value: object, to = bob.node): object {
    const text = JSON.stringify(value);
    const seal = sealMessage(machine.keys, { purpose, from: machine.node, to, bytes: Buffer.from(text) });
    return { [purpose]: text, seal };
  }
  const claim = (machine: Machine, change: Partial<ClaimMessage> = {}): Promise<unknown> =>
    ask(machine, "claims", sealed(machine, "claim", claimOf(change)));
  const attempt = (): Attempt | undefined => store.get<Attempt>({ kind: "Attempt", name });

  it("keeps to itself which GPUs an attempt gets, and gives them once", async () => {
    assigned = { gpus: ["GPU-a"] };
    const first = await claim(alice, { gpu: { count: 1 } });
    expect(JSON.stringify(first)).not.toContain("GPU-a");
    assigned = { gpus: ["GPU-b"] };
    expect(await claim(alice, { gpu: { count: 1 } })).toEqual(first);
    expect(attempt()?.spec.gpus).toEqual(["GPU-a"]);
  });

  it("grants a claim, and gives the same answer to the same claim", async () => {
    const first = await claim(alice);
    expect(first).toMatchObject({ granted: true, runtime: "process" });
    expect(await claim(alice)).toEqual(first);
    expect(store.list("Attempt")).toHaveLength(1);
    expect(attempt()?.spec.hosted).toMatchObject({ submitter: { node: alice.node, peer: "alice" } });
  });

  it("makes one attempt of a claim that is delivered a thousand times (O2)", async () => {
    const client = clientOf(alice);
    const body = sealed(alice, "claim", claimOf());
    const asked = { method: "POST", path: "/homie/v1/claims", body, answerMs: 20_000 } as const;
    for (let round = 0; round < 20; round += 1)
      await Promise.all(Array.from({ length: 50 }, () => client.ask(bob.node, asked)));
    expect(store.list("Attempt")).toHaveLength(1);
  });

  it("says which limit refuses, and keeps nothing", async () => {
    full = true;
    expect(await claim(alice)).toMatchObject({ granted: false, waitable: true, reasons: [{ limit: "maxJobs" }] });
    expect(store.list("Attempt")).toEqual([]);
  });

  it("never takes another claim under a number that was used", async () => {
    await claim(alice);
    expect(await codeOf(claim(alice, { argv: ["other"] }))).toBe("PeerRefused");
    expect(await codeOf(claim(mallory))).toBe("PeerRefused");
    expect(attempt()?.spec.argv).toEqual(["true"]);
  });

  it("refuses a claim that somebody else sealed, that was altered, or that is meant for another machine (O1)", async () => {
    const body = sealed(alice, "claim", claimOf()) as { claim: string; seal: string };
    expect(await codeOf(ask(mallory, "claims", body))).toBe("PeerRefused");
    const altered = { ...body, claim: body.claim.replace('"true"', '"evil"') };
    expect(await codeOf(ask(alice, "claims", altered))).toBe("PeerRefused");
    expect(await codeOf(ask(alice, "claims", sealed(alice, "claim", claimOf(), alice.node)))).toBe("PeerRefused");
    expect(await codeOf(claim(alice, { executor: alice.node }))).toBe("PeerRefused");
    expect(await codeOf(ask(createMachine("another secret"), "claims", body))).toBe("PeerRefused");
    expect(store.list("Attempt")).toEqual([]);
  });

  it("answers nobody who is no member", async () => {
    const stranger = createMachine();
    expect(await codeOf(claim(stranger))).toBe("PeerRefused");
    expect(await codeOf(ask(stranger, `attempts/${name}/report`, {}, "GET"))).toBe("PeerRefused");
  });

  it("shows an attempt to its submitter and to nobody else, not even that it is there (O8)", async () => {
    await claim(alice);
    const verbs: readonly [string, "GET" | "POST", object][] = [
      ["report", "GET", {}],
      ["log", "GET", {}],
      ["outputs", "GET", {}],
      ["begin", "POST", {}],
      ["stop", "POST", { reason: "Cancelled", message: "by mallory" }],
      ["dismiss", "POST", {}],
      ["offer", "POST", sealed(mallory, "offer", { attempt: name, inputs: noInputs })],
    ];
    for (const [verb, method, body] of verbs)
      expect([verb, await codeOf(ask(mallory, `attempts/${name}/${verb}`, body, method))]).toEqual([verb, "NotFound"]);
    expect(attempt()?.spec.stop).toBeUndefined();
    expect(attempt()?.metadata.deletionTimestamp).toBeUndefined();
    expect(await ask(alice, `attempts/${name}/report`, {}, "GET")).toMatchObject({ report: { phase: "Created" } });
  });

  it("begins once, and only with what was offered first", async () => {
    await claim(alice);
    const offer = (value: object): Promise<unknown> =>
      ask(alice, `attempts/${name}/offer`, sealed(alice, "offer", { attempt: name, ...value }));
    const root = { entries: 1, bytes: 3, chunks: [{ sha256: "a".repeat(64), bytes: 90 }] };
    expect(await offer({ inputs: root })).toMatchObject({ inputs: [{ sha256: "a".repeat(64), have: 0 }] });
    expect(await codeOf(ask(alice, `attempts/${name}/begin`))).toBe("PeerRefused");
    expect(await codeOf(offer({ inputs: { ...root, bytes: 4 } }))).toBe("PeerRefused");
    expect(attempt()?.spec.hosted?.begin).toBeUndefined();
  });

  it("an offer for another attempt, or with more bytes than the disk limit, is refused", async () => {
    await claim(alice);
    const path = `attempts/${name}/offer`;
    const other = sealed(alice, "offer", { attempt: `${uid}-2`, inputs: noInputs });
    expect(await codeOf(ask(alice, path, other))).toBe("PeerRefused");
    const large = sealed(alice, "offer", { attempt: name, inputs: { ...noInputs, bytes: 2 ** 20 + 1 } });
    expect(await codeOf(ask(alice, path, large))).toBe("PeerRefused");
  });

  it("bytes that nobody asked for are refused and leave nothing", async () => {
    await claim(alice);
    const offer = sealed(alice, "offer", { attempt: name, inputs: noInputs });
    await ask(alice, `attempts/${name}/offer`, offer);
    async function* garbage(): AsyncIterable<Uint8Array> {
      yield Buffer.alloc(100, 1);
    }
    const put = {
      method: "PUT",
      path: `/homie/v1/attempts/${name}/inputs`,
      stream: garbage(),
      answerMs: 5_000,
    } as const;
    expect(await codeOf(clientOf(alice).ask(bob.node, put))).toBe("PeerRefused");
  });

  it("paths that are none of its own are not found, whatever is in them", async () => {
    for (const path of [
      "",
      "attempts",
      `attempts/${uid}/report`,
      `attempts/../../etc/passwd/log`,
      `attempts/${name}/delete`,
    ])
      expect(await codeOf(ask(alice, path, {}, "GET"))).toBe("NotFound");
    expect(await codeOf(ask(alice, `attempts/${name}/report?seen=NaN`, {}, "GET"))).toMatch(/NotFound|PeerRefused/);
  });
});
