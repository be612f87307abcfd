import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { atomicWriteSync } from "../files/atomic-write.ts";

/** What is kept of a peer that once proved the group secret: its key belongs to this name from then on. */
export interface Pin {
  readonly node: string;
  /** Raw Ed25519 public key, base64. */
  readonly identity: string;
  /** What the peer calls itself. */
  readonly name: string;
  /** Name of the Peer object it is bound to. */
  readonly peer: string;
  /** Tells under which group secret it was admitted; see trust/group-secret. */
  readonly mark: string;
  /** HOST:PORT where it was reached last, newest first. */
  readonly endpoints: readonly string[];
}

export interface PinFiles {
  load(): readonly Pin[];
  save(pin: Pin): void;
  remove(node: string): void;
}

/** `network/peers/NODE.json`, one a peer, 0600. They are never below desired/: a pulled file admits nobody. */
export function createPinFiles(directory: string): PinFiles {
  const pathOf = (node: string): string => join(directory, `${node}.json`);
  return {
    load: () => {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return readdirSync(directory)
        .filter((name) => /^[a-z2-7]{25}\.json$/.test(name))
        .flatMap((name) => readPin(join(directory, name), name.slice(0, -5)) ?? []);
    },
    save: (pin) => void atomicWriteSync(pathOf(pin.node), `${JSON.stringify(pin, undefined, 2)}\n`, { mode: 0o600 }),
    remove: (node) => rmSync(pathOf(node), { force: true }),
  };
}

/** Undefined for a damaged file: the peer has to prove the secret again, which is all a pin saves it. */
function readPin(path: string, node: string): Pin | undefined {
  let value: Partial<Pin>;
  try {
    value = JSON.parse(readFileSync(path, "utf8")) as Partial<Pin>;
  } catch {
    return undefined;
  }
  const { identity, name, peer, mark, endpoints } = value;
  const texts = [identity, name, peer, mark];
  if (value.node !== node || !texts.every((text) => typeof text === "string")) return undefined;
  if (!Array.isArray(endpoints) || !endpoints.every((each) => typeof each === "string")) return undefined;
  return value as Pin;
}

/**
 * Counts this start of the daemon and answers the count; on disk before the first record carries it. A lost or damaged file
 * starts again at 1, and the peers then tell which number they know.
 */
export function countBoot(path: string): number {
  const boot = readBoot(path) + 1;
  saveBoot(path, boot);
  return boot;
}

export function saveBoot(path: string, boot: number): void {
  atomicWriteSync(path, `${boot}\n`, { mode: 0o600 });
}

function readBoot(path: string): number {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^\d{1,14}$/.test(text) ? Number(text) : 0;
  } catch {
    return 0; // the first start
  }
}
