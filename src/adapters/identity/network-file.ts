import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { FieldReader } from "../../trust/field-reader.ts";
import { maxBundlePeers, readBundlePeer, type BundlePeer } from "../../trust/membership/bundle-fields.ts";
import { key32 } from "../../trust/membership/keys.ts";
import { maxStatementBytes } from "../../trust/membership/statement.ts";
import { atomicWriteSync } from "../files/atomic-write.ts";
import { readPrivateFile, unusableFile } from "./private-file.ts";

/** A group secret and which one it is; a revocation makes the next. */
export interface SecretEpoch {
  readonly number: number;
  readonly secret: string;
}

/** The network this machine is in. */
export interface NetworkFile {
  readonly version: 1;
  /** Id of the Genesis, base64url. */
  readonly network: string;
  readonly epoch: SecretEpoch;
  /** Of members that have not heard of the newest yet. */
  readonly earlier: readonly SecretEpoch[];
  /** As received, base64url, in no order. */
  readonly statements: readonly string[];
  /** From the invite: whom to dial before anybody was met. */
  readonly bootstrap?: readonly BundlePeer[];
  /** Highest number this machine ever gave to a statement, also to Admits that nobody consented to. */
  readonly lastSequence?: number;
  /** Admits without consent, base64url: invites that nobody has come with yet. */
  readonly pending?: readonly string[];
}

/** What a machine keeps until its invite comes. */
export interface JoinFile {
  readonly version: 1;
  /** `hj1_...` */
  readonly request: string;
  /** PKCS #8 DER, base64; what the invite is sealed to. It is in this file and nowhere else. */
  readonly oneTimeKey: string;
}

/** One file of secrets, 0600. Everything throws HomieError StateUnusable. */
export interface PrivateFile<T> {
  /** Undefined where there is none. A damaged file is an error that says what to do, and stays as it is. */
  load(): T | undefined;
  /** Whole or not at all, and on disk when this returns. */
  save(content: Omit<T, "version">): void;
  remove(): void;
}

const limits = { bytes: 64 * 1024 * 1024, statements: 65_536, earlier: 64, pending: 64 };
const secretText = { max: 1_024, pattern: /^[^\p{C}]+$/u };
const statementText = { max: Math.ceil((maxStatementBytes * 4) / 3), pattern: /^[A-Za-z0-9_-]+$/ };
const requestText = { max: 4_096, pattern: /^hj1_[A-Za-z0-9_-]+$/ };
const keyText = { max: 256, pattern: /^[A-Za-z0-9+/]+={0,2}$/ };

/** `path` is `network/network.json` of the home. */
export function createNetworkFile(path: string): PrivateFile<NetworkFile> {
  const hint = `restore it from a backup; or move it and identity.json away, and join as a new member`;
  return privateFile(path, hint, readNetwork);
}

/** `path` is `network/join.json` of the home. */
export function createJoinFile(path: string): PrivateFile<JoinFile> {
  return privateFile(path, `remove it and ask anew: homie network join`, (read) => ({
    version: 1,
    request: read.text("request", requestText),
    oneTimeKey: read.text("oneTimeKey", keyText),
  }));
}

function readNetwork(read: FieldReader): NetworkFile {
  const bootstrap = read.has("bootstrap")
    ? { bootstrap: read.objects("bootstrap", maxBundlePeers).map(readBundlePeer) }
    : {};
  const lastSequence = read.has("lastSequence")
    ? { lastSequence: read.whole("lastSequence", 0, Number.MAX_SAFE_INTEGER) }
    : {};
  const pending = read.has("pending") ? { pending: read.texts("pending", limits.pending, statementText) } : {};
  return {
    version: 1,
    network: read.text("network", key32),
    epoch: readEpoch(read.object("epoch")),
    earlier: read.objects("earlier", limits.earlier).map(readEpoch),
    statements: read.texts("statements", limits.statements, statementText),
    ...bootstrap,
    ...lastSequence,
    ...pending,
  };
}

function readEpoch(read: FieldReader): SecretEpoch {
  return { number: read.whole("number", 0, Number.MAX_SAFE_INTEGER), secret: read.text("secret", secretText) };
}

function privateFile<T extends { readonly version: 1 }>(
  path: string,
  hint: string,
  readFields: (read: FieldReader) => T,
): PrivateFile<T> {
  return {
    load: () => {
      const text = readPrivateFile(path, { maxBytes: limits.bytes, hint });
      return text === undefined ? undefined : parse(path, text, { hint, readFields });
    },
    save: (content) => {
      const whole = { version: 1, ...content };
      const read = new FieldReader(whole);
      readFields(read);
      // What could not be read again must not be written over what can.
      if (read.problem !== undefined) throw unusableFile(path, `would be damaged: ${read.problem}`, { hint });
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      atomicWriteSync(path, `${JSON.stringify(whole, undefined, 2)}\n`, { mode: 0o600 });
    },
    remove: () => rmSync(path, { force: true }),
  };
}

function parse<T>(
  path: string,
  text: string,
  { hint, readFields }: { readonly hint: string; readonly readFields: (read: FieldReader) => T },
): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What the parser says quotes the text, and the text is secret.
    throw unusableFile(path, "is not JSON", { hint });
  }
  const read = new FieldReader(value);
  const version = read.whole("version", 1, Number.MAX_SAFE_INTEGER);
  if (version > 1) throw unusableFile(path, "was written by a newer homie", { hint: "update homie on this machine" });
  const content = readFields(read);
  if (read.problem !== undefined) throw unusableFile(path, `is damaged: ${read.problem}`, { hint });
  return content;
}
