import { createHash } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../adapters/clock/system-clock.ts";
import { HomieError } from "../../resources/errors.ts";
import type { Job } from "../../resources/job.ts";
import type { Peer } from "../../resources/peer.ts";
import { demoJob, type DemoCrew } from "./clean-up.ts";
import type { DemoMachine } from "./demo-machine.ts";

export interface DemoScene extends DemoCrew {
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
  /** Where bob listens. */
  readonly port: number;
  /** Absent with the process runtime. */
  readonly image?: string;
}

/** What the demo has seen with its own eyes. */
export interface DemoResult {
  readonly peer: string;
  /** Who could not take the job, and why. */
  readonly rejected: readonly { readonly peer: string; readonly reason: string }[];
  readonly runtime: string;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

const script = "hello.sh";
const lookMs = 200;
const mostLooks = 100;

/** alice's job goes to bob and comes home. Throws when any of it does not happen. */
export async function playDemo(scene: DemoScene): Promise<DemoResult> {
  const { alice, bob, write, image } = scene;
  await alice.up();
  await bob.up();
  await meet(scene);
  await copyFile(fileURLToPath(new URL(`../../../examples/hello-job/${script}`, import.meta.url)), placeOf(alice));
  write("\nalice has a quarter of a core for jobs, this one needs half a core. bob lends a core, to alice alone.\n");
  const runs = image === undefined ? [] : ["--image", image];
  const needs = ["--cpu", "0.5", "--memory", "64m"];
  await mustWork(alice, ["run", script, "--name", demoJob, ...runs, ...needs, "--", "Ada", "3"]);
  await mustWork(alice, ["why", `job/${demoJob}`]);
  const job = JSON.parse(await alice.ask(["get", "job", demoJob, "-o", "json"])) as Job;
  const result = await judge(job, alice);
  await showFiles(scene, result.files);
  return result;
}

/** Beacons are off, so that the demo meets nobody else's daemon: alice is told where bob is. */
async function meet({ alice, bob, port, signal }: DemoScene): Promise<void> {
  await mustWork(alice, ["add", `127.0.0.1:${port}`]);
  for (const machine of [alice, bob])
    for (let look = 0; !(await seesOther(machine)); look += 1) {
      signal.throwIfAborted();
      if (look === mostLooks) throw new HomieError("PeerUnreachable", `${machine.name} does not see the other one`);
      await systemClock.sleep(lookMs, signal);
    }
  await mustWork(alice, ["peers"]);
}

async function seesOther(machine: DemoMachine): Promise<boolean> {
  const { items } = JSON.parse(await machine.ask(["get", "peers", "-o", "json"])) as {
    readonly items: readonly Peer[];
  };
  return items.some(({ status }) => status?.phase === "Online");
}

async function mustWork(machine: DemoMachine, args: readonly string[]): Promise<void> {
  const code = await machine.show(args);
  if (code === 0) return;
  throw new HomieError(
    "ProcessFailed",
    `the demo failed: \`homie ${args[0] ?? ""}\` of ${machine.name} exits with ${code}`,
  );
}

/** The word of the daemon is one thing, the bytes on alice's disk another. */
async function judge({ status }: Job, alice: DemoMachine): Promise<DemoResult> {
  const { peer, placement, runtime, outputs } = status ?? {};
  if (peer !== "bob" || runtime === undefined)
    throw new HomieError("ProcessFailed", `the demo failed: the job ran at ${peer ?? "nobody's"}, not at bob's`);
  const files = (outputs ?? []).map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
  if (files.length === 0) throw new HomieError("ProcessFailed", "the demo failed: no file came home");
  for (const { path, sha256 } of files) {
    const found = createHash("sha256")
      .update(await readFile(join(alice.directory, path)))
      .digest("hex");
    if (found !== sha256)
      throw new HomieError("ProcessFailed", `the demo failed: ${path} is another one than bob made`);
  }
  const rejected = (placement?.rejected ?? []).map(({ peer: name, reason }) => ({ peer: name, reason }));
  return { peer, runtime, rejected, files };
}

async function showFiles({ alice, write }: DemoScene, files: DemoResult["files"]): Promise<void> {
  write("\nHome on alice's disk, each with the sha256 it had at bob's:\n");
  for (const { path, bytes, sha256 } of files) {
    write(`  ${path}  ${bytes} bytes  sha256 ${sha256.slice(0, 16)}…\n`);
    const text = await readFile(join(alice.directory, path), "utf8");
    write(text.replaceAll(/^/gm, "    | ").replace(/ {4}\| $/, ""));
  }
}

function placeOf({ directory }: DemoMachine): string {
  return join(directory, script);
}
