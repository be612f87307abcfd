import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptPaths, homePaths } from "../../../src/adapters/home.ts";
import { fetchOutputs, type OutputFetch } from "../../../src/adapters/outputs/fetch-outputs.ts";
import type { StagedOutput } from "../../../src/resources/attempt.ts";
import { anAttempt } from "../../support/builders.ts";

const { signal } = new AbortController();
const attempt = anAttempt();
const pieceBytes = 16 * 1024;

let root: string;
let home: ReturnType<typeof attemptPaths>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-fetch-"));
  home = attemptPaths(homePaths(root), attempt.spec.job.uid, attempt.spec.attempt);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Sent {
  readonly path: string;
  readonly bytes: Buffer;
}

const outputOf = ({ path, bytes }: Sent): StagedOutput => ({
  path,
  rule: 0,
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  executable: false,
});

/** An executor that has these files, and breaks off after so many bytes of one answer. */
function executor(sent: readonly Sent[], cutAfter = Infinity): { fetch: OutputFetch["fetch"]; asked: object[] } {
  const asked: object[] = [];
  const fetch: OutputFetch["fetch"] = ({ index, offset }) => {
    asked.push({ index, offset });
    const bytes = Buffer.concat(sent.slice(index).map((each) => each.bytes)).subarray(offset);
    return Promise.resolve(pieces(bytes.subarray(0, Math.min(bytes.length, cutAfter))));
  };
  return { fetch, asked };
}

async function* pieces(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

const bring = (sent: readonly Sent[], fetch: OutputFetch["fetch"]): Promise<void> =>
  fetchOutputs(attempt, { paths: homePaths(root), outputs: sent.map(outputOf), signal, fetch });

describe("outputs of another machine", () => {
  const files = [
    { path: "empty.txt", bytes: Buffer.alloc(0) },
    { path: "deep/big.bin", bytes: randomBytes(3 * 2 ** 20 + 5_000) },
    { path: "small.txt", bytes: Buffer.from("small") },
  ];

  test("come home byte by byte, empty ones too", async () => {
    await bring(files, executor(files).fetch);
    for (const { path, bytes } of files) expect(readFileSync(join(home.outputs, path)).equals(bytes)).toBe(true);
    expect(existsSync(join(home.root, "incoming"))).toBe(false);
  });

  test("are gone on with where they were cut, to the byte", async () => {
    const cut = 1_500_001;
    await expect(bring(files, executor(files, cut).fetch)).rejects.toMatchObject({ code: "PeerUnreachable" });
    expect(statSync(join(home.root, "incoming")).size).toBe(cut);
    const { fetch, asked } = executor(files);
    await bring(files, fetch);
    expect(asked).toEqual([{ index: 1, offset: cut }]);
    for (const { path, bytes } of files) expect(readFileSync(join(home.outputs, path)).equals(bytes)).toBe(true);
  });

  test("with another content than was promised leave no file", async () => {
    const [, big] = files;
    if (big === undefined) throw new Error("there is no big file");
    const other = { path: big.path, bytes: randomBytes(big.bytes.length) };
    await expect(bring([big], executor([other]).fetch)).rejects.toMatchObject({ code: "OutputRejected" });
    expect(existsSync(join(home.outputs, big.path))).toBe(false);
  });

  test("that are longer than was promised are refused", async () => {
    const small = { path: "small.txt", bytes: Buffer.from("small") };
    const longer = executor([{ ...small, bytes: Buffer.from("small and more") }]).fetch;
    await expect(bring([small], longer)).rejects.toMatchObject({ code: "OutputRejected" });
  });
});
