import type { Recording } from "./fakes.ts";

/** A machine called anna in a crew with bob, whose Peer object here is called bobby. */
const attempt = (uid: string, number: number, job: string, spec: object, status: object) => ({
  kind: "Attempt",
  metadata: { name: `${uid}-${number}`, creationTimestamp: "2026-11-23T11:59:59Z" },
  spec: { job: { name: job, uid, generation: 1 }, attempt: number, ...spec },
  status,
});
export const mooched = attempt(
  "u1",
  1,
  "eval",
  {
    image: "python",
    resources: { cpu: 2, memoryBytes: 2 ** 32 },
    executor: { node: "n", peer: "bobby", guarantee: "AtLeastOnce", leaseSeconds: 45 },
  },
  { phase: "Running", createdAt: "2026-11-23T11:55:00.000Z", startedAt: "2026-11-23T11:55:01.000Z" },
);
export const hosted = attempt(
  "u2",
  3,
  "hers",
  {
    image: "busybox",
    resources: { cpu: 0.5, memoryBytes: 2 ** 29 },
    hosted: { submitter: { node: "m", peer: "carol" } },
  },
  { phase: "Staging", createdAt: "2026-11-23T11:59:00.000Z" },
);
export const own = attempt("u3", 1, "long", { resources: { cpu: 1, memoryBytes: 2 ** 31 } }, { phase: "Created" });

export const bob = {
  kind: "Peer",
  metadata: { name: "bobby" },
  spec: { address: "10.0.0.2:5556" },
  status: {
    name: "bob",
    phase: "Online",
    path: { kind: "direct", via: "10.0.0.2:5556", rttMs: 9.62 },
    resources: {
      cpuCount: 8,
      cpuUsedPercent: 12.5,
      memoryTotal: 2 ** 34,
      memoryFree: 2 ** 33,
      gpus: [{ model: "RTX 4090", usedPercent: 40 }, { model: "RTX 4090" }],
    },
    jobs: 2,
    conditions: [
      { type: "Trusted", status: "True", reason: "SecretProved", message: "it knows the group secret" },
      { type: "Heartbeat", status: "False", reason: "Silent", lastTransitionTime: "2026-11-23T11:59:30Z" },
      { type: "Later", status: "Unknown", reason: "New" },
    ],
  },
};

export const crewRecording: Recording = {
  "GET /homie/v1/status": { json: { name: "anna" } },
  "GET /apis/homie.dev/v1/peers": { json: { metadata: { resourceVersion: "7" }, items: [bob] } },
  "GET /apis/homie.dev/v1/peers/bobby": { json: bob },
  "GET /apis/homie.dev/v1/attempts": {
    json: { metadata: { resourceVersion: "7" }, items: [own, mooched, hosted] },
  },
  "GET /apis/homie.dev/v1/limits/default": {
    json: {
      metadata: { name: "default" },
      spec: {},
      status: {
        allocatable: { cpu: 4, memoryBytes: 2 ** 33, diskBytes: 1 },
        allocated: { cpu: 1.5, memoryBytes: 2 ** 29 },
      },
    },
  },
};
