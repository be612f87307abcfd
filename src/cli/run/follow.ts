import type { JobStatus } from "../../resources/job.ts";
import { objectPath } from "../client.ts";
import type { Client } from "../client.ts";
import { exitCodes } from "../exit-codes.ts";
import { renderError } from "../failure.ts";
import { HomieError } from "../../resources/errors.ts";
import { exitCodeOfJob } from "../job-exit-code.ts";
import { findKind } from "../kinds.ts";
import { followLog } from "../log-following.ts";
import { renderBox, renderPlain } from "../render/box.ts";
import { choosePaint } from "../render/colours.ts";
import type { ApiObject } from "../render/objects.ts";
import { safeLine } from "../render/safe-text.ts";
import type { Terminal } from "../terminal.ts";
import { waitForCondition } from "../wait-for.ts";
import { describeProgress } from "./describe-progress.ts";
import { cancelJob, takeInterrupts } from "./interrupts.ts";
import { createLinePrinter } from "./line-printer.ts";
import { createProgress } from "./progress.ts";
import type { Progress } from "./progress.ts";
import { isHopeless, renderRefusal } from "./refusal.ts";
import { summarizeRun } from "./summary.ts";

export interface Following {
  readonly terminal: Terminal;
  readonly client: Client;
  readonly name: string;
  /** Cancels a job that nobody will take, instead of waiting with it. */
  readonly givesUp: boolean;
}

/** How long a job may be without hope before it is given up: peers may just be coming online. */
const hopelessMs = 10_000;
const transferMs = 500;
/** The log ends with the job; where its last bytes do not come, the result counts more. */
const lastLogMs = 10_000;

type End =
  | { readonly type: "finished"; readonly job: ApiObject }
  | { readonly type: "hopeless"; readonly job: ApiObject }
  | { readonly type: "left" };

interface Scene extends Following {
  readonly progress: Progress;
  readonly stop: AbortController;
  /** Aborts when there is nothing to cancel any more. */
  readonly over: AbortController;
  /** Everything that ends the following; the first counts. */
  readonly end: PromiseWithResolvers<End>;
  latest: ApiObject | undefined;
  hopelessSince: AbortController | undefined;
}

/** Shows what a job does and writes until it is over, and answers the exit code. Throws when it is deleted meanwhile. */
export async function followJob(following: Following): Promise<number> {
  const stop = new AbortController();
  const { client } = following;
  // From here on Ctrl-C is about the job; whatever still waits for the daemon ends with the following.
  const terminal = { ...following.terminal, interrupt: stop.signal };
  const send: Client["send"] = async (request) => await client.send({ signal: stop.signal, ...request });
  using progress = createProgress(terminal);
  const scene: Scene = {
    ...{ ...following, terminal, client: { ...client, send }, progress, stop, over: new AbortController() },
    ...{ end: Promise.withResolvers<End>(), latest: undefined, hopelessSince: undefined },
  };
  using _interrupts = takeInterrupts({
    ...{ terminal, client, progress, name: following.name, over: scene.over.signal },
    leave: () => scene.end.resolve({ type: "left" }),
    fail: scene.end.reject,
  });
  if (terminal.errors.isTty) void watchTransfer(scene);
  void followToEnd(scene).then((job) => scene.end.resolve({ type: "finished", job }), scene.end.reject);
  try {
    return await conclude(await scene.end.promise, scene);
  } finally {
    stop.abort();
  }
}

async function followToEnd(scene: Scene): Promise<ApiObject> {
  const { terminal, client, name, stop } = scene;
  const log = printLog(scene).catch(async (error: unknown) => await reportLogFailure(scene, error));
  const { object } = await waitForCondition(terminal, client, {
    ...{ kind: findKind("job"), name, deadline: undefined },
    wanted: { type: "condition", name: "Finished", value: "True" },
    onSight: (job) => onSight(scene, job),
  });
  if (object === undefined) throw new HomieError("NotFound", `job/${name} was deleted meanwhile`);
  const late = terminal.sleep(lastLogMs, stop.signal).catch(() => undefined);
  await Promise.race([log, late]);
  return object;
}

function onSight(scene: Scene, job: ApiObject): void {
  scene.latest = job;
  const doing = describeProgress(job);
  if (doing !== undefined) scene.progress.show(`job/${scene.name}: ${doing}`);
  if (!isHopeless(job)) {
    scene.hopelessSince?.abort();
    scene.hopelessSince = undefined;
    return;
  }
  if (!scene.givesUp || scene.hopelessSince !== undefined) return;
  scene.hopelessSince = new AbortController();
  const signal = AbortSignal.any([scene.hopelessSince.signal, scene.stop.signal]);
  void scene.terminal.sleep(hopelessMs, signal).then(
    () => scene.end.resolve({ type: "hopeless", job: scene.latest ?? job }),
    () => undefined,
  );
}

/** A watch does not tell of bytes that move: while something is on its way, they are asked for. */
async function watchTransfer(scene: Scene): Promise<void> {
  const { terminal, client, name, stop } = scene;
  while (!stop.signal.aborted) {
    await terminal.sleep(transferMs, stop.signal).catch(() => undefined);
    const { phase } = (scene.latest?.status ?? {}) as JobStatus;
    if (phase !== "Reserved" && phase !== "Staging" && phase !== "Collecting") continue;
    // Only for the eyes: what goes wrong with the daemon is told by what follows the job.
    const job = await client.find(findKind("job"), name).catch(() => undefined);
    const doing = job === undefined || stop.signal.aborted ? undefined : describeProgress(job);
    if (doing !== undefined) scene.progress.show(`job/${name}: ${doing}`);
  }
}

async function printLog(scene: Scene): Promise<void> {
  const { terminal, client, name, progress } = scene;
  const printer = createLinePrinter(
    async (stream, text) => await progress.write(stream === "stdout" ? "output" : "errors", text),
  );
  const path = `${objectPath(findKind("job"), name)}/log`;
  const peers = new Map<number, string>();
  const log = { terminal, client, path, attempt: undefined, tailLines: undefined };
  await followLog(log, { attempt: undefined, offset: undefined }, async (frame, attempt) => {
    const peer = peers.get(attempt) ?? (await findPeer(scene, attempt));
    peers.set(attempt, peer);
    await printer.print(frame, peer);
  });
  await printer.end();
}

/** Who runs this attempt; a log can be ahead of what the watch has told. */
async function findPeer({ client, name, latest }: Scene, attempt: number): Promise<string> {
  const known = peerOf(latest, attempt) ?? peerOf(await client.find(findKind("job"), name), attempt);
  return safeLine(known ?? name);
}

function peerOf(job: ApiObject | undefined, attempt: number): string | undefined {
  const status = (job?.status ?? {}) as JobStatus;
  const row = status.attempts?.find((one) => one.attempt === attempt);
  return row?.peer ?? (status.attempt === attempt ? status.peer : undefined);
}

/** The job's end counts, whether its log can be read or not. */
async function reportLogFailure({ progress, stop }: Scene, error: unknown): Promise<void> {
  if (stop.signal.aborted) return;
  if (!(error instanceof HomieError)) throw error;
  await progress.write("errors", renderError(error));
}

async function conclude(end: End, scene: Scene): Promise<number> {
  const { terminal, client, name, progress, over } = scene;
  if (end.type === "left") return exitCodes.interrupted;
  over.abort();
  progress.finish();
  if (end.type === "finished") {
    await progress.write("errors", renderSummary(terminal, end.job));
    return exitCodeOfJob(end.job);
  }
  await progress.write("errors", renderRefusal(end.job, terminal.errors.columns));
  await cancelJob(client, name, "no peer would take it");
  await progress.write("errors", "hint: the job is cancelled; with --detach it waits until a peer takes it\n");
  return exitCodes.refused;
}

function renderSummary(terminal: Terminal, job: ApiObject): string {
  const { title, rows } = summarizeRun(job, terminal.directory);
  const { isTty, columns } = terminal.errors;
  return isTty
    ? renderBox(title, rows, { columns, paint: choosePaint(isTty, terminal.env) })
    : renderPlain(title, rows);
}
