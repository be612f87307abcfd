import { createLateExecutors } from "../../../src/daemon/remote/late-executors.ts";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../../src/adapters/sqlite/open-database.ts";
import type { SeenGpu } from "../../../src/adapters/system/gpus.ts";
import { wire, type Wiring } from "../../../src/daemon/wiring.ts";
import type { RuntimeFacts } from "../../../src/controllers/attempt/ports.ts";
import { HomieError } from "../../../src/resources/errors.ts";
import type { Job } from "../../../src/resources/job.ts";
import type { StoreDatabase } from "../../../src/store/database.ts";
import { createObjectStore } from "../../../src/store/object-store.ts";
import type { DesiredReading, ObjectStore } from "../../../src/store/types.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createFakeInventory, createFakeRuntime, fakeCollector, FakeEngine } from "../../support/fake-engine.ts";
import { file, manifest, reading, testLog } from "../../store/store-fixture.ts";

export class Killed extends Error {}

/** `port`: a call to the engine or the publisher; `write`: before a durable write; `written`: right after it. */
export type Moment = "port" | "write" | "written";

/** What may go wrong around one machine; everything is well where a hook is absent. */
export interface MachineHooks {
  /** True kills the daemon at this moment. */
  readonly dies?: (moment: Moment) => boolean;
  readonly random?: () => number;
  readonly weather?: (moment: "before" | "after") => Promise<void>;
  readonly unreachable?: () => string | undefined;
  readonly see?: (name: string, facts: RuntimeFacts) => RuntimeFacts;
  readonly diskIsFull?: () => boolean;
  /** Called before outputs are published; may throw. */
  readonly publishes?: (job: string) => void;
  /** What the driver says. */
  readonly gpus?: readonly SeenGpu[];
  /** How long the daemon stays dead. */
  readonly deadMs?: () => number;
}

export type Declared = Readonly<Record<string, object>>;

/** How long a step of a simulation is; nothing shorter is told apart from outside. */
const stepMs = 50;
/** One that cannot start is started again so much later. */
const restartMs = 1_000;
/** A reading that failed is made again so much later, as the daemon does it. */
const readAgainMs = 5_000;

/** One home whose daemon dies and is started again over the same files, database and engine. */
export class Machine {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine(this.clock);
  readonly published = new Map<string, number>();
  /** By Job, as its file has them from the next reading on. */
  readonly labels = new Map<string, Readonly<Record<string, string>>>();
  /** What was done to the world, in order: engine operations and durable writes. */
  readonly trace: string[] = [];
  kills = 0;
  readonly #directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "homie-crew-"));
  readonly #hooks: MachineHooks;
  #declared: Declared = {};
  #limits: object | undefined;
  #readAtMs: number | undefined;
  #store: ObjectStore | undefined;
  #wiring: Wiring | undefined;
  #abort = new AbortController();
  #startAtMs = 0;
  #uids = 0;
  #traced = 0;

  constructor(hooks: MachineHooks = {}) {
    this.#hooks = hooks;
  }

  get store(): ObjectStore {
    if (this.#store === undefined) throw new Error("the daemon has never run");
    return this.#store;
  }

  get isAlive(): boolean {
    return this.#wiring !== undefined && !this.#abort.signal.aborted;
  }

  /** A change in desired/ has not been taken yet. */
  get hasUnread(): boolean {
    return this.#readAtMs !== undefined;
  }

  start(): void {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const gate = (moment: Moment): void => this.#gate(moment, signal);
    const log = testLog();
    const now = (): Date => this.clock.now();
    const database = this.#withDisk(openDatabase(join(this.#directory, "homie.db"), { now, log }));
    const store = createObjectStore({ database, now, log, newUid: () => `uid-${(this.#uids += 1)}` });
    this.#store = store;
    const { weather, unreachable, see } = this.#hooks;
    const passage = {
      gate: () => gate("port"),
      ...(weather === undefined ? {} : { weather }),
      ...(unreachable === undefined ? {} : { unreachable }),
      ...(see === undefined ? {} : { see }),
    };
    const runtime = createFakeRuntime(this.engine, passage.gate, passage);
    const nothing = { survey: () => Promise.resolve([]) };
    this.#read();
    this.#wiring = wire({
      store: this.#gated(store, gate),
      declared: {
        remove: ({ name }) => {
          gate("port");
          const gone = this.store.get({ kind: "Job", name });
          if (gone === undefined) return Promise.reject(new Error(`no job ${name}`));
          this.undeclare(name);
          this.store.delete({ kind: "Job", name });
          return Promise.resolve(gone);
        },
      },
      clock: this.clock,
      log,
      random: this.#hooks.random ?? ((): number => 0.5),
      signal,
      node: "alice",
      nodeId: "node-alice",
      crew: () => undefined,
      executors: createLateExecutors(() => undefined, this.clock),
      gpus: { seen: () => this.#hooks.gpus ?? [], refresh: () => Promise.resolve() },
      machine: { cpus: 2, memoryBytes: 8 * 2 ** 30, diskBytes: 2 ** 40 },
      runtimes: { docker: runtime, process: { ...runtime, name: "process" } },
      inventories: { docker: createFakeInventory(this.engine, passage), process: nothing },
      collector: fakeCollector,
      files: { removeStagedOutputs: () => Promise.resolve(), removeAll: () => Promise.resolve() },
      publisher: {
        publish: (job) => {
          gate("port");
          this.#hooks.publishes?.(job.metadata.name);
          this.published.set(job.metadata.name, (this.published.get(job.metadata.name) ?? 0) + 1);
          return Promise.resolve({ files: [{ path: "out.txt", bytes: 1, sha256: "00" }], path: "/r", diverted: [] });
        },
      },
      scripts: { readFirstLine: () => Promise.resolve({ ok: true, line: "" }), argv: (path) => [path] },
      environments: () => ({ images: new Map() }),
    });
    this.#wiring.start();
  }

  /** Lets time go by; a dead daemon is started again. `afterStep` looks at the world in between. */
  async run(ms: number, afterStep?: () => void, everyMs: number = stepMs): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    while (this.clock.monotonicMs() < endMs) {
      await this.clock.advance(everyMs);
      if (!this.isAlive && this.clock.monotonicMs() >= this.#startAtMs) this.#restart();
      if (this.isAlive && this.clock.monotonicMs() >= (this.#readAtMs ?? Infinity)) this.#read();
      this.#traceOperations();
      afterStep?.();
    }
  }

  kill(): void {
    if (!this.isAlive) return;
    this.kills++;
    this.#abort.abort();
    this.#startAtMs = this.clock.monotonicMs() + (this.#hooks.deadMs?.() ?? 0);
    // Not awaited: it is dead. Its subscriptions are undone at once, and what it still tries, the gate refuses.
    void this.#wiring?.stop();
    this.#store?.close();
  }

  /** The disk gives nothing back of the database; the daemon is not running while that happens. */
  loseState(): void {
    this.kill();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(this.#directory, `homie.db${suffix}`), { force: true });
  }

  declare(jobs: Declared, limits?: object): void {
    this.#declared = jobs;
    this.#limits = limits ?? this.#limits;
    this.#readAtMs = this.clock.monotonicMs();
    if (this.isAlive) this.#read();
  }

  get declared(): Declared {
    return this.#declared;
  }

  undeclare(name: string): void {
    this.declare(Object.fromEntries(Object.entries(this.#declared).filter(([other]) => other !== name)));
  }

  /** The reading as it would be, had these jobs been all. */
  take(jobs: Declared): void {
    const outcome = this.store.takeDesired(this.#readingOf(jobs), this.clock.now());
    if (outcome.nextGraceAt !== undefined)
      this.#readAtMs = this.clock.monotonicMs() + outcome.nextGraceAt.getTime() - this.clock.now().getTime();
  }

  job(name: string): Job | undefined {
    return this.store.get<Job>({ kind: "Job", name });
  }

  close(): void {
    if (this.isAlive) {
      this.#abort.abort();
      void this.#wiring?.stop();
      this.#store?.close();
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #restart(): void {
    try {
      this.start();
    } catch (error) {
      if (!(error instanceof HomieError)) throw error;
      this.#abort.abort();
      this.#startAtMs = this.clock.monotonicMs() + restartMs;
    }
  }

  #read(): void {
    this.#readAtMs = undefined;
    try {
      this.take(this.#declared);
    } catch (error) {
      if (!(error instanceof HomieError)) throw error;
      this.#readAtMs = this.clock.monotonicMs() + readAgainMs;
    }
  }

  #readingOf(jobs: Declared): DesiredReading {
    const limits =
      this.#limits === undefined ? [] : [file("/d/default.yaml", [manifest("Limits", "default", this.#limits)])];
    const all = Object.entries(jobs).map(([name, spec]) => {
      const labels = this.labels.get(name);
      const { metadata, ...rest } = manifest("Job", name, spec);
      const document = { ...rest, metadata: labels === undefined ? metadata : { ...metadata, labels } };
      return file(`/d/${name}.yaml`, [document]);
    });
    return reading([...all, ...limits]);
  }

  #gate(moment: Moment, signal: AbortSignal): void {
    if (signal.aborted) throw new Killed("a dead daemon does nothing");
    if (this.#hooks.dies?.(moment) !== true) return;
    this.kill();
    throw new Killed("killed");
  }

  /** The store with every durable write passing the gate before and after, as a kill can fall on either side. */
  #gated(store: ObjectStore, gate: (moment: Moment) => void): ObjectStore {
    const writes = new Set(["putStatus", "putSpec", "create", "delete", "setFinalizers", "takeIdentity"]);
    return new Proxy(store, {
      get: (subject, property) => {
        const member: unknown = Reflect.get(subject, property);
        if (typeof member !== "function" || !writes.has(String(property))) return member;
        return (...args: unknown[]): unknown => {
          gate("write");
          const before = subject.currentVersion();
          const result: unknown = Reflect.apply(member, subject, args);
          if (subject.currentVersion() !== before) this.#traceWrite(String(property), args);
          gate("written");
          return result;
        };
      },
    });
  }

  #withDisk(database: StoreDatabase): StoreDatabase {
    const transaction: StoreDatabase["transaction"] = (body, durability) => {
      if (this.#hooks.diskIsFull?.() === true) {
        throw new HomieError("StateUnusable", "cannot use homie.db: database or disk is full");
      }
      return database.transaction(body, durability);
    };
    return { ...database, transaction };
  }

  #traceWrite(name: string, args: readonly unknown[]): void {
    this.#traceOperations();
    this.trace.push(`${this.clock.monotonicMs()} ${name} ${JSON.stringify(args)}`);
  }

  #traceOperations(): void {
    for (const { operation, name, atMs } of this.engine.operations.slice(this.#traced)) {
      this.trace.push(`${atMs} ${operation} ${name}`);
    }
    this.#traced = this.engine.operations.length;
  }
}
