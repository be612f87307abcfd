import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startCrew } from "./crew-homes.ts";
import { measureInputs } from "./crew-inputs.ts";
import { measureLogs } from "./crew-logs.ts";
import { measureOutputs } from "./crew-outputs.ts";
import { measureSize } from "./crew-size.ts";
import { measureRemoteStart } from "./crew-start.ts";
import type { Row } from "./measure.ts";

/** Two daemons on loopback with one engine: what a peer in between costs. Without an image, what needs none. */
export async function measureCrew(
  parent: string,
  image: string | undefined,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const directory = join(parent, "crew");
  await mkdir(directory, { mode: 0o700 });
  const crew = await startCrew(directory, signal);
  try {
    const rows: Row[] = [];
    if (image !== undefined) {
      rows.push(...(await measureRemoteStart(crew, image)));
      rows.push(...(await measureLogs(crew, image)));
      rows.push(...(await measureOutputs(crew, image, directory)));
    }
    rows.push(...(await measureInputs(directory, signal)));
    rows.push(...(await measureSize(crew, signal)));
    return rows;
  } finally {
    await crew.stop();
  }
}
