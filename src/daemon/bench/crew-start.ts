import type { BenchCrew } from "./crew-homes.ts";
import { benchResources, runJob } from "./jobs.ts";
import { quantile, sample, startRow, type Row } from "./measure.ts";
import { hardenedRun, runProgram } from "./programs.ts";

const pairs = 15;

/** A no-op Job of alice on bob. Taken in turns with the baseline, so that a machine that gets slower slows both. */
export async function measureRemoteStart({ alice }: BenchCrew, image: string): Promise<readonly Row[]> {
  const docker: number[] = [];
  const homie: number[] = [];
  const command = ["sh", "-c", "exit 0"];
  const spec = { image, command, resources: benchResources, peer: "bob" };
  await sample(pairs, async (index) => {
    const fromMs = performance.now();
    await runProgram("docker", hardenedRun(image, command));
    const betweenMs = performance.now();
    await runJob(alice.socket, `start-${index + 2}`, spec);
    if (index < 0) return;
    docker.push(betweenMs - fromMs);
    homie.push(performance.now() - betweenMs);
  });
  const row = (share: number, budget: string): Row =>
    startRow(
      `no-op job on a peer, p${share * 100}`,
      { value: quantile(homie, share), baseline: quantile(docker, share) },
      budget,
    );
  return [row(0.5, "+60 ms"), row(0.95, "+150 ms")];
}
