import { randomBytes } from "node:crypto";
import { mkdtemp, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../adapters/clock/system-clock.ts";
import { createEngine, findEngine, type Engine } from "../../adapters/docker/connect.ts";
import { createEngineHealth } from "../../adapters/docker/health.ts";
import { homePaths } from "../../adapters/home.ts";
import { HomieError } from "../../resources/errors.ts";
import type { Logger } from "../../reconciler/types.ts";
import { endMachines, removeDirectory, sweepEngine, type DemoCrew } from "./clean-up.ts";
import { findDemoImage, type DemoImage } from "./demo-image.ts";
import { createDemoMachine } from "./demo-machine.ts";
import { playDemo, type DemoResult } from "./play.ts";

export interface DemoOptions {
  readonly write: (text: string) => void;
  /** One document instead of the show. */
  readonly json: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Stage {
  readonly options: DemoOptions;
  readonly root: string;
  readonly engine: Engine;
  /** What there is to be tidied up; grows as it comes into being. */
  crew?: DemoCrew;
  image?: DemoImage;
}

/** Shows a crew of two machines on this one, and leaves nothing behind. Answers the exit code. */
export async function runDemo(given: DemoOptions): Promise<number> {
  using ending = endOnSignals();
  const signal = AbortSignal.any([given.signal, ending.signal]);
  const options = { ...given, signal, write: given.json ? (): void => undefined : given.write };
  const root = await mkdtemp(join(tmpdir(), "homie-demo-"));
  const engine = createEngine(() => findEngine({ env: process.env, homeDirectory: homedir() }));
  const stage: Stage = { options, root, engine };
  // A reader that goes away (`homie demo | head`) ends the process at once: then too, nothing stays.
  const lastResort = (): void => tidyHomes(stage, false);
  process.once("exit", lastResort);
  const outcome = await perform(stage).catch(async (error: unknown) => {
    if (signal.aborted) options.write("\nStopped. Tidying up ...\n");
    else await showLogs(stage);
    return { error };
  });
  const left = await tidyUp(stage, !("error" in outcome)).catch((error: unknown) => ({ error }));
  process.off("exit", lastResort);
  if ("error" in outcome) {
    if (left !== undefined) options.write(`${left.error instanceof Error ? left.error.message : String(left.error)}\n`);
    if (ending.signal.aborted) return ending.exitCode();
    throw outcome.error;
  }
  if (left !== undefined) throw left.error;
  options.write("\nThe demo's homes, containers and images are gone.\n");
  if (given.json) given.write(`${JSON.stringify(outcome, null, 2)}\n`);
  return 0;
}

async function perform(stage: Stage): Promise<DemoResult> {
  const { options } = stage;
  options.write(
    "Two machines in one: alice and bob, each with a home and a daemon, in a crew by a secret they share.\n",
  );
  const image = await chooseRuntime(stage);
  if (image !== undefined) stage.image = image;
  const port = await findFreePort();
  stage.crew = await createCrew(stage, port);
  return playDemo({ ...options, ...stage.crew, port, ...(image === undefined ? {} : { image: image.name }) });
}

async function chooseRuntime({ options, engine, root }: Stage): Promise<DemoImage | undefined> {
  const { write, log, signal } = options;
  const plain = "The job runs by the process runtime: directly on this machine, not in a container.\n";
  const health = await createEngineHealth(engine, systemClock).check();
  if (!health.ok) {
    write(`Docker: not reachable (${health.message}).\n${plain}`);
    return undefined;
  }
  write(`Docker: ${health.engine} ${health.version}. Looking for an image with a shell ...\n`);
  const image = await findDemoImage(engine, root, log, signal);
  if (image === undefined) {
    write(`No image can be had. ${plain}`);
    return undefined;
  }
  const origins = {
    found: "it is here",
    pulled: "pulled",
    made: "made of this machine's own shell, no registry answers",
  };
  write(`The job runs in a hardened container of ${image.name} (${origins[image.origin]}).\n`);
  return image;
}

/** alice has less to spare than her job needs; bob lends to alice and to nobody else. */
async function createCrew({ options, root, image }: Stage, port: number): Promise<DemoCrew> {
  const groupSecret = randomBytes(24).toString("base64url");
  const runtime = image === undefined ? { runtime: "process" } : {};
  const allow = { peers: ["alice"], ...(image === undefined ? {} : { images: [image.name] }) };
  const common = { root, signal: options.signal, write: options.write };
  const [alice, bob] = await Promise.all([
    createDemoMachine({ ...common, name: "alice" }, { groupSecret, port: 0, limits: { ...runtime, cpu: 0.25 } }),
    createDemoMachine({ ...common, name: "bob" }, { groupSecret, port, limits: { ...runtime, cpu: 1, allow } }),
  ]);
  return { alice, bob };
}

/** What the daemons said of trouble: their homes are gone in a moment. */
async function showLogs({ crew, options }: Stage): Promise<void> {
  for (const machine of crew === undefined ? [] : [crew.alice, crew.bob]) {
    const text = await readFile(homePaths(machine.home).log, "utf8").catch(() => "");
    const lines = text.split("\n").filter((line) => / (warn|error) /.test(line));
    if (lines.length > 0) options.write(`\nFrom the log of ${machine.name}:\n${lines.slice(-8).join("\n")}\n`);
  }
}

async function tidyUp(stage: Stage, shown: boolean): Promise<void> {
  const { crew, engine, image } = stage;
  tidyHomes(stage, shown);
  if (image === undefined) return;
  try {
    await sweepEngine(engine, crew === undefined ? [] : [crew.alice.node, crew.bob.node], image);
  } catch (cause) {
    const message = "something of the demo may still be on the container engine: its job's container, or the image";
    throw new HomieError("EngineUnavailable", message, { hint: `docker image rm ${image.name}`, cause });
  }
}

function tidyHomes({ crew, root }: Stage, shown: boolean): void {
  if (crew !== undefined) endMachines(crew, shown);
  removeDirectory(root);
}

/** Free a moment ago, on all addresses as the daemon will want it. */
async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new HomieError("InternalError", "no port is free");
  return address.port;
}

/** Ctrl-C is the terminal's; what a system or a closed window sends is ours. */
function endOnSignals(): Disposable & { readonly signal: AbortSignal; exitCode(): number } {
  const controller = new AbortController();
  const codes = { SIGTERM: 143, SIGHUP: 129 } as const;
  let code = 1;
  const subscriptions = (["SIGTERM", "SIGHUP"] as const).map((name) => {
    const end = (): void => {
      code = codes[name];
      controller.abort();
    };
    process.on(name, end);
    return (): unknown => process.off(name, end);
  });
  return {
    signal: controller.signal,
    exitCode: () => code,
    [Symbol.dispose]: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
