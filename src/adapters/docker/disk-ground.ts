import { access, constants } from "node:fs/promises";
import type { Clock } from "../../reconciler/types.ts";
import type { Attempt } from "../../resources/attempt.ts";
import type { Ground } from "../disk/disk-watch.ts";
import { maxTreeEntries } from "../disk/disk-watch.ts";
import { measureTree } from "../disk/measure-tree.ts";
import type { TreeSize } from "../disk/measure-tree.ts";
import type { Engine } from "./connect.ts";
import { isNotFound } from "./engine-error.ts";
import { containerName } from "./names.ts";
import { answerMs, within } from "./within.ts";

const askMs = 60_000;
/** The engine walks all its volumes and layers to answer, so it may spend a twentieth of the time on it. */
const restFactor = 20;
const restMs = 5_000;

/** Finds where an attempt's volume can be measured: its directory when it is here and readable, else through the engine. */
export interface DiskGrounds {
  find(attempt: Attempt): Promise<Ground>;
}

export function createDiskGrounds(engine: Engine, clock: Clock): DiskGrounds {
  const usage = createVolumeUsage(engine, clock);
  return {
    async find(attempt): Promise<Ground> {
      const name = containerName(attempt);
      const isLocal = engine.shown().startsWith("unix://");
      const directory = await findDirectory(engine, name);
      if (directory === undefined) return { place: undefined, measure: () => Promise.resolve(undefined) };
      const byEngine = async (): Promise<TreeSize | undefined> => {
        const bytes = await usage(name);
        return bytes === undefined ? undefined : { bytes, entries: 0, tooDeep: false };
      };
      // A remote engine's path may exist here too; its random name makes that another machine's only in theory.
      if (!isLocal || !(await isReadable(directory))) {
        return { place: isLocal ? await rootOf(engine) : undefined, measure: byEngine };
      }
      return {
        place: directory,
        measure: async () => (await measureTree(directory, maxTreeEntries)) ?? (await byEngine()),
      };
    },
  };
}

/** Undefined when the volume is gone: a short program may be over by now. */
async function findDirectory(engine: Engine, volume: string): Promise<string | undefined> {
  try {
    return (await within(answerMs, () => engine.docker().getVolume(volume).inspect())).Mountpoint;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function isReadable(directory: string): Promise<boolean> {
  return access(directory, constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function rootOf(engine: Engine): Promise<string | undefined> {
  const { DockerRootDir: root } = (await within(answerMs, () => engine.docker().info())) as {
    readonly DockerRootDir?: string;
  };
  return root;
}

/** One answer serves every attempt; undefined for a volume the engine has no figure for. */
function createVolumeUsage(engine: Engine, clock: Clock): (volume: string) => Promise<number | undefined> {
  let answer: { readonly untilMs: number; readonly sizes: ReadonlyMap<string, number> } | undefined;
  let asking: Promise<ReadonlyMap<string, number>> | undefined;

  async function ask(): Promise<ReadonlyMap<string, number>> {
    const sinceMs = clock.monotonicMs();
    const { Volumes: volumes } = (await within(askMs, () => engine.docker().df())) as DiskReport;
    const known = (volumes ?? []).map(({ Name, UsageData }) => [Name, UsageData?.Size ?? -1] as const);
    const sizes = new Map(known.filter(([, bytes]) => bytes >= 0));
    const tookMs = clock.monotonicMs() - sinceMs;
    answer = { untilMs: clock.monotonicMs() + Math.max(restMs, tookMs * restFactor), sizes };
    return sizes;
  }

  return async (volume) => {
    if (answer !== undefined && clock.monotonicMs() < answer.untilMs) return answer.sizes.get(volume);
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return (await asking).get(volume);
  };
}

interface DiskReport {
  readonly Volumes?:
    | readonly { readonly Name: string; readonly UsageData?: { readonly Size?: number } | null }[]
    | null;
}
