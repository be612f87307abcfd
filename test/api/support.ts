import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openDatabase } from "../../src/adapters/sqlite/open-database.ts";
import { createApi } from "../../src/api/create-api.ts";
import type { ApiOptions } from "../../src/api/create-api.ts";
import type { Api } from "../../src/api/http.ts";
import type { ApiPorts, LogSource } from "../../src/api/ports.ts";
import type { LogFrame } from "../../src/logs/types.ts";
import type { Logger } from "../../src/reconciler/types.ts";
import type { Attempt, AttemptStatus } from "../../src/resources/attempt.ts";
import { ConflictError, HomieError } from "../../src/resources/errors.ts";
import type { Job, JobStatus } from "../../src/resources/job.ts";
import type { Key, Manifest, Resource } from "../../src/resources/types.ts";
import type { ApplyOutcome, ApplyRequest, DeclaredWriter } from "../../src/store/declared.ts";
import { createObjectStore } from "../../src/store/object-store.ts";
import type { ObjectStore } from "../../src/store/types.ts";
import { anAttemptSpec } from "../support/builders.ts";
import { ask } from "./ask.ts";

/** A home with the real store on a database of its own, desired files in memory, and logs in memory. */
export interface TestHome {
  readonly api: Api;
  readonly ports: ApiPorts;
  readonly store: ObjectStore;
  readonly declared: FakeDeclared;
  readonly logs: FakeLogs;
  readonly logged: { level: string; message: string; fields: object | undefined }[];
  readonly clock: { now: Date };
  fetch(path: string, init?: RequestInit): Promise<Response>;
  get(path: string, accept?: string): Promise<any>;
  send(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<{ code: number; body: any; headers: Headers }>;
  job(name: string, spec?: object, labels?: Record<string, string>): Promise<Job>;
  setStatus(name: string, status: JobStatus): Job;
  attempt(job: Job, number: number, status?: Partial<AttemptStatus>): Attempt;
  setAttemptStatus(attempt: Attempt, status: Partial<AttemptStatus>): Attempt;
}

export function openTestHome(
  options: Partial<ApiOptions> = {},
  logSource?: LogSource,
  more: Partial<ApiPorts> = {},
): TestHome {
  const directory = mkdtempSync(join(tmpdir(), "homie-api-"));
  const logged: TestHome["logged"] = [];
  const log = recordingLogger(logged);
  const clock = { now: new Date("2026-01-01T12:00:00Z") };
  const store = createObjectStore({ database: openDatabase(join(directory, "homie.db")), now: () => clock.now, log });
  onTestFinished(() => {
    store.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const declared = createFakeDeclared(store, clock);
  const logs = createFakeLogs();
  const ports: ApiPorts = {
    store,
    declared,
    logs: logSource ?? logs,
    now: () => clock.now,
    report: async () => aReport,
    live: (object) => object,
    rescan: async () => void (declared.rescans += 1),
    survey: async ({ files }) => ({ files: files.length, bytes: 7, largest: [], skipped: [], skippedCount: 0 }),
    ...more,
  };
  const api = createApi(ports, { version: "1.2.3", log, ...options });
  const fetch: TestHome["fetch"] = async (path, init) => await ask(api, path, init);
  const home: TestHome = {
    api,
    ports,
    store,
    declared,
    logs,
    logged,
    clock,
    fetch,
    get: async (path, accept) => await (await fetch(path, accept === undefined ? {} : { headers: { accept } })).json(),
    async send(method, path, body, contentType = "application/json") {
      const init =
        body === undefined
          ? { method }
          : { method, body: JSON.stringify(body), headers: { "content-type": contentType } };
      const response = await fetch(path, init);
      return { code: response.status, body: await response.json(), headers: response.headers };
    },
    job: async (name, spec = {}, labels) =>
      (await declared.write(jobManifest(name, spec, labels), { mode: "create" })) as Job,
    setStatus: (name, status) => store.putStatus(store.get<Job>({ kind: "Job", name })!, status),
    attempt(job, number, status) {
      const { name, uid, generation } = job.metadata;
      const spec = { ...anAttemptSpec, job: { name, uid, generation }, attempt: number };
      const attempt = store.create<Attempt>({ kind: "Attempt", name: `${uid}-${number}`, spec });
      return home.setAttemptStatus(attempt, status ?? {});
    },
    setAttemptStatus(attempt, status) {
      const newest = store.get<Attempt>({ kind: "Attempt", name: attempt.metadata.name })!;
      return store.putStatus(newest, {
        phase: "Created",
        createdAt: "2026-01-01T11:59:00Z",
        ...newest.status,
        ...status,
      });
    },
  };
  return home;
}

export const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
export const jobs = "/apis/homie.dev/v1/jobs";

export function jobManifest(name: string, spec: object = {}, labels?: Record<string, string>): Manifest {
  const metadata = { name, ...(labels === undefined ? {} : { labels }) };
  return { apiVersion: "homie.dev/v1", kind: "Job", metadata, spec: { image: "busybox", command: ["true"], ...spec } };
}

export const aReport = {
  name: "anna",
  node: "n1",
  pid: 1,
  version: "1.2.3",
  home: "/tmp/h",
  ready: true,
  engine: "process",
  runtime: "process",
  uptimeSeconds: 3,
  problems: 0,
  warnings: [],
  jobs: {},
} as const;

export interface FakeDeclared extends DeclaredWriter {
  /** Thrown by the next apply. */
  applyError: Error | undefined;
  applied: ApplyRequest[];
  rescans: number;
  /** How many writes are still to fail as if the file had been changed meanwhile. */
  conflicts: number;
  writes: number;
}

/** desired/ as a map; whatever is written is read at once by the real store. */
function createFakeDeclared(store: ObjectStore, clock: { now: Date }): FakeDeclared {
  const manifests = new Map<string, Manifest>();
  const read = (): void => {
    const documents = [...manifests.values()].map((manifest, index) => ({ index, manifest }));
    const files = [{ path: "/desired/all.yaml", documents, problems: [] }];
    store.takeDesired({ files, listedDirectories: ["/desired"], unreadable: [] }, clock.now);
  };
  const id = ({ kind, name }: Key): string => `${kind}/${name}`;
  return {
    applyError: undefined,
    applied: [],
    rescans: 0,
    conflicts: 0,
    writes: 0,
    async apply(request): Promise<ApplyOutcome> {
      this.applied.push(request);
      if (this.applyError !== undefined) throw this.applyError;
      return { results: [{ kind: "Job", name: "train", action: "created", file: "/desired/jobs/train.yaml" }] };
    },
    async write(manifest, options) {
      const key = { kind: manifest.kind, name: manifest.metadata.name };
      const before = store.get(key);
      if (this.conflicts > 0) {
        this.conflicts -= 1;
        throw new ConflictError("the file has changed and was not read yet");
      }
      if (options.mode === "create" && before !== undefined)
        throw new HomieError("AlreadyExists", `${id(key)} already exists`);
      if (options.expectedVersion !== undefined && options.expectedVersion !== before?.metadata.resourceVersion)
        throw new ConflictError("stale");
      if (options.dryRun === true) return { ...(before ?? draftOf(manifest)), spec: manifest.spec } as Resource;
      this.writes += 1;
      manifests.set(id(key), manifest);
      read();
      // No controller runs here that would take its finalizer away again.
      if (before === undefined) store.setFinalizers(key, []);
      return store.get(key)!;
    },
    async remove(key, options) {
      const before = store.get(key);
      if (before === undefined) throw new HomieError("NotFound", `${id(key)} not found`);
      if (options?.dryRun === true) return before;
      manifests.delete(id(key));
      read();
      store.delete(key);
      return store.get(key) ?? before;
    },
  };
}

function draftOf(manifest: Manifest): Resource {
  const metadata = {
    ...manifest.metadata,
    uid: "",
    generation: 1,
    resourceVersion: "",
    creationTimestamp: "2026-01-01T12:00:00Z",
  };
  return { ...manifest, metadata };
}

export interface FakeLogs extends LogSource {
  write(attempt: Attempt, stream: LogFrame["stream"], text: string): void;
  readonly reading: Set<AbortSignal>;
}

/** Frames per attempt; a followed log waits for more until its eof frame, like the one on disk. */
function createFakeLogs(): FakeLogs {
  const files = new Map<string, LogFrame[]>();
  const wakers = new Set<() => void>();
  const reading = new Set<AbortSignal>();
  const changed = async (signal: AbortSignal): Promise<void> =>
    await new Promise((resolve) => {
      const wake = (): void => {
        wakers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      wakers.add(wake);
      signal.addEventListener("abort", wake);
    });
  return {
    reading,
    write(attempt, stream, text) {
      const frames = files.get(attempt.metadata.name) ?? [];
      files.set(attempt.metadata.name, frames);
      const bytes = Buffer.from(text);
      frames.push({
        stream,
        bytes,
        timeNs: BigInt(frames.length),
        nextOffset: (frames.at(-1)?.nextOffset ?? 0) + 17 + bytes.length,
      });
      for (const wake of wakers) wake();
    },
    async *read(attempt, { from, follow, signal }) {
      const frames = files.get(attempt.metadata.name) ?? [];
      files.set(attempt.metadata.name, frames);
      reading.add(signal);
      try {
        let at = from;
        while (!signal.aborted) {
          const frame = frames.find((one) => one.nextOffset > at);
          if (frame === undefined && !follow) return;
          if (frame === undefined) await changed(signal);
          else yield frame;
          if (frame?.stream === "eof") return;
          at = frame?.nextOffset ?? at;
        }
      } finally {
        reading.delete(signal);
      }
    },
  };
}

function recordingLogger(logged: TestHome["logged"]): Logger {
  const at =
    (level: string) =>
    (message: string, fields?: object): void =>
      void logged.push({ level, message, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
