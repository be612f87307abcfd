import { homedir } from "node:os";
import { systemClock } from "../../adapters/clock/system-clock.ts";
import { createEngine, findEngine } from "../../adapters/docker/connect.ts";
import { createEngineHealth } from "../../adapters/docker/health.ts";
import { homePaths } from "../../adapters/home.ts";
import type { FoundDaemon } from "../../cli/transport.ts";
import { checkClock, checkWireguard } from "./tools.ts";
import { checkConfig, checkDisk, checkHome, checkIdentity, checkNode } from "./machine-checks.ts";
import { checkDaemon } from "./daemon-checks.ts";
import { checkEngine } from "./engine-checks.ts";
import { checkEgress } from "./egress-check.ts";
import { checkGpus } from "./gpu-checks.ts";
import type { Check } from "./check.ts";

/** Everything a job on this machine depends on, in the order one would mend it. Never throws for what it finds wrong. */
export async function diagnose(home: string, daemon: FoundDaemon): Promise<readonly Check[]> {
  const paths = homePaths(home);
  const engine = createEngine(() => findEngine({ env: process.env, homeDirectory: homedir() }));
  const health = createEngineHealth(engine, systemClock);
  return [
    checkNode(process.versions.node),
    checkHome(paths),
    checkIdentity(paths),
    checkConfig(paths),
    ...(await checkEngine(health)),
    ...(await checkGpus(health)),
    await checkEgress(),
    checkDisk(paths),
    await checkClock(),
    ...checkDaemon(daemon),
    await checkWireguard(),
  ];
}
