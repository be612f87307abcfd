import { join } from "node:path";

/** Every path below one daemon's home; nothing else in the product spells them. */
export interface HomePaths {
  readonly root: string;
  readonly config: string;
  readonly desired: string;
  readonly identity: string;
  readonly database: string;
  readonly results: string;
  readonly runs: string;
  readonly socket: string;
  readonly pid: string;
  readonly log: string;
}

export function homePaths(root: string): HomePaths {
  return {
    root,
    config: join(root, "config.yaml"),
    desired: join(root, "desired"),
    identity: join(root, "network", "identity.json"),
    database: join(root, "state", "homie.db"),
    results: join(root, "results"),
    runs: join(root, "runs"),
    socket: join(root, "run", "homie.sock"),
    pid: join(root, "run", "homie.pid"),
    log: join(root, "run", "homie.log"),
  };
}

/** Executor-side files of one attempt. */
export function attemptPaths(
  paths: HomePaths,
  uid: string,
  attempt: number,
): {
  readonly root: string;
  readonly log: string;
  readonly inputs: string;
  readonly outputs: string;
  readonly work: string;
} {
  const root = join(paths.runs, uid, String(attempt));
  return {
    root,
    log: join(root, "log"),
    inputs: join(root, "inputs.json"),
    outputs: join(root, "outputs"),
    work: join(root, "work"),
  };
}
