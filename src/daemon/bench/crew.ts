import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startCrew } from "./crew-homes.ts";
import { measureInputs } from "./crew-inputs.ts";
import { measureLogs } from "./crew-logs.ts";
import { measureOutputs } from "./crew-outputs.ts";
import { measureSize } from "./crew-size.ts";
import { measureRemoteStart } from "./crew-start.ts";
import { containersAreGone } from "./jobs.ts";
import type { Row } from "./measure.ts";

/** Two daemons on loopback with one engine: what a peer in between costs. Without an image, what needs none. */
export async function measureCrew(
  parent: string,
  image: string | undefined,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const directory = join(parent, "crew");
  await mkdir(directory, { mode: 0o700 });
  const rows = image === undefined ? [] : await measureJobs(directory, image, signal);
  const inputs = await measureInputs(directory, signal);
  return [...rows, ...inputs, ...(await measureCrowd(directory, signal))];
}

async function measureJobs(parent: string, image: string, signal: AbortSignal): Promise<readonly Row[]> {
  const directory = join(parent, "pair");
  await mkdir(directory, { mode: 0o700 });
  const crew = await startCrew(directory, signal);
  try {
    const start = await measureRemoteStart(crew, image);
    const logs = await measureLogs(crew, image);
    const outputs = await measureOutputs(crew, image, directory);
    await containersAreGone(crew.bob.socket);
    return [...start, ...logs, ...outputs];
  } finally {
    await crew.stop();
  }
}

/** Daemons that have done nothing yet, so that it is the peers that are weighed. */
async function measureCrowd(parent: string, signal: AbortSignal): Promise<readonly Row[]> {
  const directory = join(parent, "crowd");
  await mkdir(directory, { mode: 0o700 });
  const crew = await startCrew(directory, signal);
  try {
    return await measureSize(crew, signal);
  } finally {
    await crew.stop();
  }
}
