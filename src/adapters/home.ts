import { join } from "node:path";

/** Every path below one daemon's home; nothing else in the product spells them. */
export interface HomePaths {
  readonly root: string;
  readonly config: string;
  readonly desired: string;
  readonly identity: string;
  /** The network this machine is in; only written by the daemon. */
  readonly network: string;
  /** A join request that waits for its invite. */
  readonly join: string;
  /** Directory of the interface's configuration. */
  readonly wireguard: string;
  /** One file a peer that was admitted, named by its node id. */
  readonly pins: string;
  /** How often the daemon has been started. */
  readonly boot: string;
  /** The original homie's list of hosts to try, one a line. */
  readonly peersFile: string;
  readonly database: string;
  /** Content-addressed files of other machines' attempts. */
  readonly blobs: string;
  /** Layers that are being sent or received. */
  readonly imagesOnTheirWay: string;
  /** Hashes of own files that have not changed. */
  readonly hashCache: string;
  readonly results: string;
  readonly runs: string;
  readonly socket: string;
  readonly pid: string;
  /** There while `homie down` stops the daemon, which otherwise leaves its tunnel for the next one. */
  readonly goingDown: string;
  readonly log: string;
}

export function homePaths(root: string): HomePaths {
  return {
    root,
    config: join(root, "config.yaml"),
    desired: join(root, "desired"),
    identity: join(root, "network", "identity.json"),
    network: join(root, "network", "network.json"),
    join: join(root, "network", "join.json"),
    wireguard: join(root, "wireguard"),
    pins: join(root, "network", "peers"),
    boot: join(root, "network", "boot"),
    peersFile: join(root, "peers"),
    database: join(root, "state", "homie.db"),
    blobs: join(root, "state", "blobs"),
    imagesOnTheirWay: join(root, "state", "images"),
    hashCache: join(root, "state", "hash-cache.db"),
    results: join(root, "results"),
    runs: join(root, "runs"),
    socket: join(root, "run", "homie.sock"),
    pid: join(root, "run", "homie.pid"),
    goingDown: join(root, "run", "down"),
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
