import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { TestHome } from "../../support/cli.ts";
import { type EngineSteps, openSteps } from "../../support/engine-steps.ts";
import { startEngine, testImage, type TestEngine } from "../../support/engine.ts";

/** Homes on one engine, and what the tests of this directory do with them. */
export class Bed {
  readonly engine: TestEngine;
  readonly #homes: TestHome[] = [];

  constructor(engine: TestEngine) {
    this.engine = engine;
  }

  newHome(env: NodeJS.ProcessEnv = {}): TestHome {
    const home = new TestHome({ DOCKER_HOST: this.engine.host, ...env });
    this.#homes.push(home);
    return home;
  }

  async closeHomes(): Promise<void> {
    for (const home of this.#homes.splice(0)) await home.close();
  }

  async containers(nodeId: string): Promise<readonly { readonly Id: string }[]> {
    return this.engine.docker.listContainers({ all: true, filters: { label: [`homie.node=${nodeId}`] } });
  }
}

export function up(home: TestHome): Promise<string> {
  return home.ok(["up", "-d", "--name", "alice"]);
}

export function job(name: string, script: string): string {
  return `apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: ${name}}\nspec:\n  image: ${testImage}\n  resources: {cpu: 0.1, memory: 32Mi}\n  command: [sh, -c, '${script}']\n`;
}

/** Applies it and waits until it runs. */
export async function run(home: TestHome, name: string, script: string): Promise<void> {
  await home.ok(["apply", "-f", "-"], job(name, script));
  await home.ok(["wait", `job/${name}`, "--for=phase=Running", "--timeout", "30s"]);
}

export function field(home: TestHome, name: string, path: string): Promise<string> {
  return home.ok(["get", "job", name, "-o", `jsonpath={${path}}`]);
}

/** Waits for its end and answers the phase. */
export async function finish(home: TestHome, name: string): Promise<string> {
  await home.ok(["wait", `job/${name}`, "--for=finished", "--timeout", "60s"]);
  return field(home, name, ".status.phase");
}

export async function nodeOf(home: TestHome): Promise<string> {
  return String((await home.json(["status"]))["node"]);
}

export async function gone(pid: number): Promise<void> {
  await expect.poll(() => existsSync(`/proc/${pid}/exe`)).toBe(false);
}

/** Neither container nor volume of that machine, half a minute from now at the latest. */
export async function nothingStays({ engine }: Bed, node: string): Promise<void> {
  const filters = { label: [`homie.node=${node}`] };
  const left = async (): Promise<readonly string[]> => [
    ...(await engine.docker.listContainers({ all: true, filters })).map(({ Id }) => Id),
    ...((await engine.docker.listVolumes({ filters })).Volumes ?? []).map(({ Name }) => Name),
  ];
  await expect.poll(left, { timeout: 30_000 }).toEqual([]);
}

/** Names of the containers of that Job that were started since, one for each start. */
export async function startsOf({ engine }: Bed, job: string, sinceSeconds: number): Promise<readonly string[]> {
  const stream = await engine.docker.getEvents({
    since: sinceSeconds,
    until: Math.ceil(Date.now() / 1000),
    filters: { label: [`homie.job=${job}`], event: ["start"], type: ["container"] },
  });
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  const events = text.split("\n").filter((line) => line !== "");
  return events.map((line) => (JSON.parse(line) as StartEvent).Actor.Attributes.name);
}

interface StartEvent {
  readonly Actor: { readonly Attributes: { readonly name: string } };
}

/** A daemon whose every call of the engine is seen, and may be held up; `in.txt` lies beside its home. */
export interface SteppedHome {
  readonly bed: Bed;
  readonly steps: EngineSteps;
  readonly home: TestHome;
  close(): Promise<void>;
}

export async function openSteppedHome(): Promise<SteppedHome> {
  const bed = new Bed(await startEngine());
  const steps = await openSteps(bed.engine.socket);
  const home = bed.newHome({ DOCKER_HOST: `unix://${steps.socket}` });
  writeFileSync(join(home.root, "in.txt"), "in\n");
  await up(home);
  return {
    bed,
    steps,
    home,
    close: async () => {
      await bed.closeHomes();
      await steps.close();
      await bed.engine.stop();
    },
  };
}
