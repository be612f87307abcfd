import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Job } from "../../../src/resources/job.ts";
import { House } from "./house.ts";
import { findSniffer, Lan, whyNoLan } from "./lan.ts";

const refusal = await whyNoLan();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: jobs in a crew: ${refusal}\n`);

const config = { group_secret: "the-secret-of-three-friends", heartbeat_interval: 0.4, peer_timeout: 4 };
const wait = { timeout: 30_000, interval: 200 };
const slow = 150_000;
const limits = `apiVersion: homie.dev/v1
kind: Limits
metadata: {name: default}
spec: {runtime: process, allow: {peers: [alice, bob, carol, ahead, behind]}}
`;

const jobBack = `apiVersion: homie.dev/v1
kind: Job
metadata: {name: back}
spec: {command: [sh, -c, "echo from $WHO"], env: [{name: WHO, value: WHO}], peer: bob}
`;

describe.skipIf(refusal !== undefined)("jobs in a crew of three", () => {
  const lan = new Lan("jobs");
  const work = mkdtempSync(join(tmpdir(), "homie-jobs-"));
  const houses = new Map<string, { readonly house: House; readonly namespace: string }>();
  const at = (name: string): House => {
    const found = houses.get(name);
    if (found === undefined) throw new Error(`there is no house of ${name}`);
    return found.house;
  };
  const alice = (): House => at("alice");
  const marks = (name: string): readonly string[] => {
    const file = join(work, `${name}.marks`);
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  };

  /** A job whose program writes down each start of it, outside of everything homie knows of. */
  async function declare(name: string, program: string, spec = "peer: bob"): Promise<void> {
    const project = join(work, name);
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, "run.sh"), `echo "$$ $(date +%s%3N)" >> ${join(work, `${name}.marks`)}\n${program}\n`);
    writeFileSync(
      join(project, "job.yaml"),
      `apiVersion: homie.dev/v1
kind: Job
metadata: {name: ${name}}
spec:
  script: run.sh
  project: {path: ., exclude: [job.yaml]}
  outputs: [{paths: ["*.bin", "*.txt"], to: ./home, when: Always}]
  ${spec}
`,
    );
    await alice().ok(["apply", "-f", "job.yaml"], { cwd: project });
  }
  async function look(name: string): Promise<NonNullable<Job["status"]>> {
    return (JSON.parse(await alice().ok(["get", "job", name, "-o", "json"])) as Job).status ?? {};
  }
  const phaseOf = async (name: string): Promise<string | undefined> => (await look(name)).phase;
  const finish = (name: string, seconds = 60): Promise<string> =>
    alice().ok(["wait", `job/${name}`, "--for=finished", "--timeout", `${seconds}s`]);
  const homeFile = (name: string, file: string): Buffer => readFileSync(join(work, name, "home", file));
  const attemptsAt = async (name: string): Promise<readonly string[]> =>
    (await at(name).ok(["get", "attempts", "-o", "name"])).trim().split("\n").filter(Boolean);

  const wire: Buffer[] = [];
  let sniffer: ChildProcess | undefined;

  beforeAll(async () => {
    await lan.open();
    const command = await findSniffer();
    if (command !== undefined) {
      sniffer = lan.spawn(lan.middle, command);
      sniffer.stdout?.on("data", (chunk: Buffer) => wire.push(chunk));
    }
    for (const [index, name] of ["alice", "bob", "carol"].entries()) {
      const namespace = await lan.addHost(name, `10.77.0.${index + 1}`);
      const house = new House(name, config, namespace);
      houses.set(name, { house, namespace });
      house.write("desired/limits.yaml", limits);
    }
    await Promise.all([...houses.values()].map(({ house }) => house.up()));
  });

  afterAll(async () => {
    sniffer?.kill("SIGKILL");
    for (const { house } of houses.values()) await house.close();
    await lan.close();
    rmSync(work, { recursive: true, force: true });
  });

  test("three machines find each other", async () => {
    for (const name of ["bob", "carol"]) await expect.poll(() => alice().phaseOf(name), wait).toBe("Online");
  });

  test("a job runs on the peer it names, and log and files come home byte by byte", async () => {
    await declare(
      "first",
      "head -c 3000000 /dev/urandom > big.bin; sha256sum big.bin | cut -c1-64; echo oops >&2; : > empty.txt; exit 3",
    );
    await finish("first");
    const status = await look("first");
    expect(status).toMatchObject({ phase: "Failed", reason: "Error", exitCode: 3, peer: "bob", runtime: "process" });
    const sha256 = createHash("sha256").update(homeFile("first", "big.bin")).digest("hex");
    expect(await alice().ok(["logs", "job/first", "--stdout"])).toBe(`${sha256}\n`);
    expect(await alice().ok(["logs", "job/first", "--stderr"])).toBe("oops\n");
    expect(status.outputs?.map(({ path, bytes }) => [path, bytes])).toEqual([
      ["big.bin", 3_000_000],
      ["empty.txt", 0],
    ]);
    expect(status.placement?.chosen?.peer).toBe("bob");
    expect(marks("first")).toHaveLength(1);
    await expect.poll(() => attemptsAt("bob"), wait).toEqual([]);
  });

  test("nothing of a job crosses the wire in clear", async ({ skip }) => {
    if (sniffer === undefined) return skip("neither tcpdump nor python3 is here to listen");
    const markers = Array.from({ length: 16 }, (_, index) => `marker-${index}-${"x".repeat(8)}`);
    const lines = markers.map(
      (marker) => `echo ${marker}-log; echo ${marker}-err >&2; echo ${marker}-content > ${marker}-file.txt`,
    );
    await declare("secret", lines.join("\n"), `peer: bob\n  env: [{name: MARKER, value: marker-env-xxxxxxxx}]`);
    await finish("secret");
    expect((await look("secret")).outputs).toHaveLength(16);
    const heard = Buffer.concat(wire);
    expect(heard.length).toBeGreaterThan(10_000);
    const spoken = markers.flatMap((marker) => ["log", "err", "content", "file"].map((what) => `${marker}-${what}`));
    expect(spoken).toHaveLength(64);
    expect([...spoken, "marker-env-xxxxxxxx"].filter((marker) => heard.includes(marker))).toEqual([]);
  });

  test("nothing that homie writes below desired/ holds the group secret (O12)", () => {
    for (const name of houses.keys()) {
      const all = at(name).files();
      const declared = all.filter(({ path }) => path.startsWith("desired/"));
      expect(declared.length).toBeGreaterThan(1);
      for (const { bytes } of declared) expect(bytes.includes(config.group_secret)).toBe(false);
    }
  });

  test("a program's lines are here while it runs", async () => {
    await declare("lines", "echo now; sleep 30");
    await expect.poll(() => phaseOf("lines"), wait).toBe("Running");
    await expect.poll(() => alice().ok(["logs", "job/lines"]), wait).toBe("now\n");
    await alice().ok(["cancel", "job/lines"]);
    await finish("lines");
    expect(await look("lines")).toMatchObject({ phase: "Cancelled", peer: "bob" });
  });

  test("without a pin a job goes to a friend's machine, and says why", async () => {
    await declare("anywhere", "true", "priority: 1");
    await finish("anywhere");
    const { peer, placement } = await look("anywhere");
    expect(["bob", "carol"]).toContain(peer);
    expect(placement?.others?.map((other) => other.peer)).toContain("alice");
  });

  test("a GPU nobody has leaves it pending, with a reason for every peer", async () => {
    await declare("gpu", "true", "resources: {gpu: {count: 1}}");
    await expect.poll(async () => (await look("gpu")).reason, wait).toBe("Unschedulable");
    const { placement } = await look("gpu");
    expect(placement?.rejected?.map(({ peer, reason }) => [peer, reason])).toEqual([
      ["alice", "InsufficientGpu"],
      ["bob", "InsufficientGpu"],
      ["carol", "InsufficientGpu"],
    ]);
    await alice().ok(["delete", "job", "gpu"]);
  });

  test("a peer that is full says so, and takes the job once its Limits allow", async () => {
    at("bob").write("desired/limits.yaml", limits.replace("runtime:", "maxJobs: 1, runtime:"));
    await declare("long", "sleep 8");
    await expect.poll(() => phaseOf("long"), wait).toBe("Running");
    await declare("next", "true");
    await expect.poll(async () => (await look("next")).reason, wait).toBe("Queued");
    expect((await look("next")).message).toContain("bob: NoJobSlot");
    await finish("next");
    expect(await look("next")).toMatchObject({ phase: "Succeeded", peer: "bob" });
    at("bob").write("desired/limits.yaml", limits);
  });

  test("kill -9 of the executor's daemon: the program goes on, once, and its result comes home", async () => {
    await declare("bobkilled", "for i in 1 2 3 4 5 6; do echo $i; sleep 1; done; echo done > r.txt");
    await expect.poll(() => phaseOf("bobkilled"), wait).toBe("Running");
    at("bob").kill();
    await at("bob").up();
    await finish("bobkilled");
    expect(await look("bobkilled")).toMatchObject({ phase: "Succeeded", peer: "bob", attempt: 1 });
    expect(await alice().ok(["logs", "job/bobkilled"])).toBe("1\n2\n3\n4\n5\n6\n");
    expect(marks("bobkilled")).toHaveLength(1);
  });

  test("kill -9 of the submitter's daemon: the same", async () => {
    await declare("alicekilled", "for i in 1 2 3 4 5; do echo $i; sleep 1; done; echo done > r.txt");
    await expect.poll(() => phaseOf("alicekilled"), wait).toBe("Running");
    alice().kill();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await alice().up();
    await finish("alicekilled");
    expect(await look("alicekilled")).toMatchObject({ phase: "Succeeded", peer: "bob", attempt: 1 });
    expect(await alice().ok(["logs", "job/alicekilled"])).toBe("1\n2\n3\n4\n5\n");
    expect(homeFile("alicekilled", "r.txt").toString()).toBe("done\n");
    expect(marks("alicekilled")).toHaveLength(1);
  });

  test(
    "a peer without power: Unknown, then another peer, one result; the first is fenced when it is back",
    async () => {
      await declare("power", "echo start; sleep 8; hostname > r.txt", "preferredPeers: [bob]");
      await expect.poll(() => phaseOf("power"), wait).toBe("Running");
      const first = (await look("power")).peer ?? "";
      await lan.setCable(first, "down");
      await expect.poll(() => phaseOf("power"), wait).toBe("Unknown");
      await finish("power", 110);
      const status = await look("power");
      expect(status).toMatchObject({ phase: "Succeeded", attempt: 2 });
      expect(status.peer).not.toBe(first);
      expect(status.attempts?.map(({ reason }) => reason)).toEqual(["PeerLost", "Completed"]);
      await lan.setCable(first, "up");
      await expect.poll(() => attemptsAt(first), { timeout: 40_000, interval: 500 }).toEqual([]);
      expect(await look("power")).toMatchObject({ phase: "Succeeded", attempt: 2 });
    },
    slow,
  );

  test.each([
    ["ahead", "+1d", "10.77.0.4"],
    ["behind", "-1d", "10.77.0.5"],
  ])("a machine whose clock is a day %s takes part like any other", async (name, offset, address) => {
    const house = new House(name, config, await lan.addHost(name, address));
    house.wrapper = ["faketime", "-f", offset];
    house.write("desired/limits.yaml", limits);
    try {
      await house.up();
      await expect.poll(() => alice().phaseOf(name), wait).toBe("Online");
      await declare(name, "echo hello; echo x > x.txt", `peer: ${name}`);
      await finish(name);
      expect(await look(name)).toMatchObject({ phase: "Succeeded", peer: name, attempt: 1 });
      house.write("job.yaml", jobBack.replace("value: WHO", `value: ${name}`));
      await house.ok(["apply", "-f", join(house.home, "job.yaml"), "--wait"]);
      expect(await house.ok(["logs", "job/back"])).toBe(`from ${name}\n`);
      const doctor = await alice().run(["doctor"]);
      expect(doctor.stdout + doctor.stderr).toContain(`clock of ${name}`);
    } finally {
      await house.close();
    }
  });

  test(
    "AtMostOnce across a cut: the executor stops before the next attempt starts",
    async () => {
      const program = `echo "start $(date +%s%3N)" >> ${join(work, "once.times")}
trap 'echo "end $(date +%s%3N)" >> ${join(work, "once.times")}; exit 0' TERM
i=0; while [ $i -lt 60 ]; do sleep 0.2; i=$((i+1)); done
echo "end $(date +%s%3N)" >> ${join(work, "once.times")}`;
      await declare("once", program, "guarantee: AtMostOnce\n  leaseSeconds: 10\n  preferredPeers: [bob]");
      await expect.poll(() => phaseOf("once"), wait).toBe("Running");
      const first = (await look("once")).peer ?? "";
      await lan.setCable(first, "down");
      await expect.poll(async () => (await look("once")).attempt, { timeout: 60_000, interval: 500 }).toBe(2);
      await finish("once", 90);
      await lan.setCable(first, "up");
      const times = readFileSync(join(work, "once.times"), "utf8").trim().split("\n");
      expect(times.map((line) => line.split(" ")[0])).toEqual(["start", "end", "start", "end"]);
      await expect.poll(() => attemptsAt(first), { timeout: 40_000, interval: 500 }).toEqual([]);
    },
    slow,
  );

  test(
    "a job cancelled while its peer is away is over here, and ends there when the peer is back",
    async () => {
      await declare("away", "sleep 100");
      await expect.poll(() => phaseOf("away"), wait).toBe("Running");
      await lan.setCable("bob", "down");
      await alice().ok(["cancel", "job/away"]);
      await finish("away", 40);
      expect(await phaseOf("away")).toBe("Cancelled");
      await alice().ok(["delete", "job", "away", "--timeout", "10s"]);
      const running = await at("bob").ok(["get", "attempts", "-o", "jsonpath={.items[*].status.phase}"]);
      expect(running).toBe("Running");
      await lan.setCable("bob", "up");
      await expect.poll(() => attemptsAt("bob"), { timeout: 40_000, interval: 500 }).toEqual([]);
    },
    slow,
  );
});
