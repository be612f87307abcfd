import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { generateIdentity, nodeIdOf, publicKeyOf, type IdentityRecord } from "../../trust/identity.ts";
import { readPrivateFile, unusableFile } from "./private-file.ts";

const hint = "restore it from a backup; without it this machine becomes a new member";

export interface Identity {
  readonly nodeId: string;
  /** Raw Ed25519 public key, base64. */
  readonly publicKey: string;
  /** Raw X25519 public key, base64, as `wg` prints it. */
  readonly wireguardPublicKey: string;
}

/** Reads `network/identity.json`, or makes it on first use. Refuses a file that others may read, as ssh does. */
export function loadIdentity(path: string): Identity {
  const record = readRecord(path) ?? createRecord(path);
  try {
    const publicKey = publicKeyOf(record.identityKey, "ed25519");
    const wireguard = publicKeyOf(record.wireguardKey, "x25519");
    return {
      nodeId: nodeIdOf(publicKey),
      publicKey: publicKey.toString("base64"),
      wireguardPublicKey: wireguard.toString("base64"),
    };
  } catch (cause) {
    throw unusableFile(path, "holds no usable keys", { hint, cause });
  }
}

/** The private identity key, PKCS #8 DER in base64: for signing and for TLS, and never for a log. */
export function loadIdentityKey(path: string): string {
  return (readRecord(path) ?? createRecord(path)).identityKey;
}

/** Both private keys, made on first use. */
export function loadIdentityRecord(path: string): IdentityRecord {
  return readRecord(path) ?? createRecord(path);
}

function readRecord(path: string): IdentityRecord | undefined {
  const text = readPrivateFile(path, { maxBytes: 65_536, hint });
  return text === undefined ? undefined : parseRecord(path, text);
}

function parseRecord(path: string, text: string): IdentityRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unusableFile(path, "is not JSON", { hint, cause });
  }
  if (typeof value !== "object" || value === null) throw unusableFile(path, "holds no keys", { hint });
  const { identityKey, wireguardKey } = value as Partial<IdentityRecord>;
  if (typeof identityKey !== "string" || typeof wireguardKey !== "string") {
    throw unusableFile(path, "holds no keys", { hint });
  }
  return { version: 1, identityKey, wireguardKey };
}

function createRecord(path: string): IdentityRecord {
  const record = generateIdentity();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // O_EXCL: of two processes that start at once one makes the keys, the other fails and is started again.
  const descriptor = openSync(path, "wx", 0o600);
  try {
    writeSync(descriptor, `${JSON.stringify(record, undefined, 2)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return record;
}
