import { beforeEach, expect, test } from "vitest";
import { createNetworkController } from "../../../src/controllers/network/controller.ts";
import type { MeshSight, RelayWanted, TunnelConfig } from "../../../src/controllers/network/ports.ts";
import { drive } from "../../../src/reconciler/drive.ts";
import type { Context, Reconciler, Store } from "../../../src/reconciler/types.ts";
import { HomieError } from "../../../src/resources/errors.ts";
import type { Network } from "../../../src/resources/network.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { aMember, aNetwork, aSight } from "./sights.ts";

/** A machine whose kernel is a variable. */
class FakeMachine {
  sight: MeshSight | undefined = aSight();
  interface: TunnelConfig | undefined;
  file: TunnelConfig | undefined;
  rules: RelayWanted | undefined;
  hasRights = true;
  edited = false;
  applies = 0;
  looks = 0;

  readonly tunnel = {
    apply: (config: TunnelConfig) => {
      this.applies += 1;
      this.file = config;
      this.#requireRights();
      const made = this.interface === undefined;
      const savedHandEdit = this.edited;
      this.edited = false;
      this.interface = config;
      return Promise.resolve({ made, changes: 1, savedHandEdit });
    },
    observe: () => Promise.resolve(this.interface),
    remove: () => {
      if (this.interface !== undefined) this.#requireRights();
      this.interface = this.file = undefined;
      return Promise.resolve();
    },
    converged: (config: TunnelConfig) => {
      this.looks += 1;
      if (this.interface !== undefined) this.#requireRights();
      return Promise.resolve(JSON.stringify(this.interface) === JSON.stringify(config) && !this.edited);
    },
  };
  readonly relay = {
    apply: (wanted: RelayWanted) => {
      if (!this.hasRights) return Promise.resolve({ active: false, problem: { message: "needs root" } });
      this.rules = wanted;
      return Promise.resolve({ active: wanted.enabled });
    },
    remove: () => {
      this.rules = undefined;
      return Promise.resolve();
    },
  };

  #requireRights(): void {
    if (!this.hasRights) throw new HomieError("MeshUnavailable", "it needs root", { hint: "run x" });
  }
}

let machine: FakeMachine;
let clock: FakeClock;
let objects: Map<string, Network>;
let events: string[];
let reconciler: Reconciler;
let context: Context;

beforeEach(() => {
  [machine, clock, objects, events] = [new FakeMachine(), new FakeClock(), new Map(), []];
  reconciler = drive(createNetworkController({ ...machine, sight: () => machine.sight }));
  const store: Store = {
    get: ({ name }) => objects.get(name) as never,
    list: () => [...objects.values()] as never,
    putStatus: (resource, status) => {
      objects.set(resource.metadata.name, { ...(resource as unknown as Network), status });
      return resource;
    },
    setFinalizers: ({ name }, finalizers) => {
      const object = objects.get(name);
      if (object === undefined) return;
      const isGone = finalizers.length === 0 && object.metadata.deletionTimestamp !== undefined;
      if (isGone) objects.delete(name);
      else objects.set(name, { ...object, metadata: { ...object.metadata, finalizers } });
    },
    watch: () => ({ [Symbol.dispose]: () => {} }),
  };
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const recorder = {
    record: (...[, , reason, message]: readonly [unknown, unknown, string, string]) =>
      void events.push(`${reason}: ${message}`),
  };
  context = { store, clock, log, events: recorder, signal: new AbortController().signal };
  declare(aNetwork());
});

function declare(network: Network): void {
  objects.set(network.metadata.name, network);
}

/** Until it wants to wait. Answers for how long. */
async function settle(name = "homelab"): Promise<number> {
  for (let round = 0; round < 10; round += 1) {
    const { requeueAfterMs = Infinity } = await reconciler.reconcile({ kind: "Network", name }, context);
    if (requeueAfterMs > 0) return requeueAfterMs;
  }
  throw new Error("it goes round in circles");
}

function reasonOf(type: string, name = "homelab"): string | undefined {
  return objects.get(name)?.status?.conditions?.find((each) => each.type === type)?.reason;
}

test("a member gets its interface and its rules, and then nothing is changed any more", async () => {
  expect(await settle()).toBe(30_000);
  expect(machine.interface?.peers.map(({ publicKey }) => publicKey)).toEqual(["key2", "key3"]);
  expect(machine.rules).toMatchObject({ enabled: true });
  expect(objects.get("homelab")?.status).toMatchObject({ peers: 2, address: "10.77.0.1" });
  await clock.advance(30_000);
  await settle();
  expect(machine.applies).toBe(1);
});

test("who joins gets a tunnel, and who goes loses it", async () => {
  await settle();
  machine.sight = aSight({ others: [aMember(3), aMember(4)] });
  await settle();
  expect(machine.interface?.peers.map(({ publicKey }) => publicKey)).toEqual(["key3", "key4"]);
  expect(machine.rules?.addresses).toContain("10.77.0.4");
});

test("what is changed by hand is put right, and a hand edit of the file is told", async () => {
  await settle();
  await clock.advance(30_000);
  machine.interface = undefined;
  machine.edited = true;
  await settle();
  expect(machine.interface).toBeDefined();
  expect(events).toEqual([expect.stringMatching(/^HandEditSaved: .*\.orig/)]);
});

test("two programs that both want the interface do not fight for longer than three repairs every 30 s", async () => {
  await settle();
  for (let repairs = 1; repairs < 3; repairs += 1) {
    machine.interface = undefined;
    await settle();
    expect(machine.applies).toBe(1 + repairs);
    expect(reasonOf("InterfaceReady")).toBe("AsConfigured");
  }
  machine.interface = undefined;
  expect(await settle()).toBe(30_000);
  expect(machine.applies).toBe(3);
  expect(reasonOf("InterfaceReady")).toBe("ProcessFailed");
  await clock.advance(30_000);
  await settle();
  expect(machine.applies).toBe(4);
  expect(reasonOf("InterfaceReady")).toBe("AsConfigured");
});

test("without rights it writes the file, says what to run, and tries again ever more rarely", async () => {
  machine.hasRights = false;
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    const waitMs = await settle();
    waits.push(waitMs);
    await clock.advance(waitMs);
  }
  expect(waits).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
  expect(machine.file).toBeDefined();
  expect([reasonOf("ConfigRendered"), reasonOf("InterfaceReady"), reasonOf("Relaying")]).toEqual([
    ...["Written", "MeshUnavailable", "RulesFailed"],
  ]);
  machine.hasRights = true;
  expect(await settle()).toBe(30_000);
  expect([reasonOf("InterfaceReady"), reasonOf("Relaying")]).toEqual(["AsConfigured", "Forwarding"]);
});

test("while it waits nothing is tried because somebody wakes it, but a changed file is", async () => {
  machine.hasRights = false;
  await settle();
  await clock.advance(1_000);
  machine.sight = aSight({ others: [aMember(4)] });
  expect(await settle()).toBe(29_000);
  expect(machine.applies).toBe(1);
  const network = objects.get("homelab") ?? aNetwork();
  declare({ ...network, metadata: { ...network.metadata, generation: 2 } });
  await settle();
  expect(machine.applies).toBe(2);
});

test("leaving the network takes interface, file and rules away, and coming back brings them", async () => {
  await settle();
  machine.sight = undefined;
  await settle();
  expect([machine.interface, machine.file, machine.rules]).toEqual([undefined, undefined, undefined]);
  expect(reasonOf("Member")).toBe("NotJoined");
  machine.sight = aSight();
  await settle();
  expect(machine.interface).toBeDefined();
});

test("a deleted network is gone only when its interface is", async () => {
  await settle();
  machine.hasRights = false;
  const network = objects.get("homelab") ?? aNetwork();
  declare({ ...network, metadata: { ...network.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } });
  const waitMs = await settle();
  expect(objects.has("homelab")).toBe(true);
  expect(reasonOf("InterfaceReady")).toBe("MeshUnavailable");
  machine.hasRights = true;
  await clock.advance(waitMs);
  await settle();
  expect(objects.has("homelab")).toBe(false);
  expect(machine.interface).toBeUndefined();
});

test("a second network, and one that was pulled for another mesh, change nothing", async () => {
  await settle();
  declare(aNetwork({ name: "office", age: 0, spec: { listenPort: 1 } }));
  await settle("office");
  await settle();
  expect(reasonOf("Member", "office")).toBe("OnlyOneNetwork");
  expect([machine.applies, machine.interface?.listenPort]).toEqual([1, 51_820]);
  const office = objects.get("office") ?? aNetwork();
  declare({ ...office, metadata: { ...office.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } });
  await settle("office");
  expect([...objects.keys()]).toEqual(["homelab"]);
  expect(machine.interface).toBeDefined();
});

test("an error nobody expects is thrown to the engine, with the status written", async () => {
  const broken = {
    ...machine,
    sight: () => machine.sight,
    relay: { apply: () => Promise.reject(new Error("odd")), remove: () => Promise.resolve() },
  };
  reconciler = drive(createNetworkController(broken));
  await expect(reconciler.reconcile({ kind: "Network", name: "homelab" }, context)).rejects.toThrow("odd");
  expect(reasonOf("Member")).toBe("Admitted");
});
