import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createJoinFile, createNetworkFile } from "../../../src/adapters/identity/network-file.ts";
import { HomieError } from "../../../src/resources/errors.ts";
import { createJoinRequest } from "../../../src/trust/membership/join-request.ts";
import { genesisOf, machine } from "../../trust/membership/kit.ts";

let directory: string;
let path: string;
const [vivek, raj] = [machine("vivek"), machine("raj")];
const { bytes, network } = genesisOf(vivek);
const secret = "quite-secret-words";
const sample = {
  network,
  epoch: { number: 2, secret },
  earlier: [{ number: 1, secret: "older words" }],
  statements: [bytes.toString("base64url")],
  bootstrap: [
    {
      public_key: vivek.identity,
      wireguard_key: vivek.wireguardKey,
      ip: vivek.ip,
      endpoints: ["198.51.100.7:51820"],
      name: "vivek",
    },
  ],
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "homie-network-"));
  path = join(directory, "network", "network.json");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("network.json", () => {
  test("is absent before the first save, and comes back as it was saved", () => {
    const file = createNetworkFile(path);
    expect(file.load()).toBeUndefined();
    file.save(sample);
    expect(createNetworkFile(path).load()).toEqual({ version: 1, ...sample });
    const { bootstrap: _, ...alone } = sample;
    file.save(alone);
    expect(file.load()).toEqual({ version: 1, ...alone });
    file.remove();
    file.remove();
    expect(file.load()).toBeUndefined();
  });

  test("is for its owner alone, as is its directory, and no temporary file stays", () => {
    createNetworkFile(path).save(sample);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "network")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(directory, "network"))).toEqual(["network.json"]);
  });

  test("is refused when others may read it, and says how to mend that", () => {
    createNetworkFile(path).save(sample);
    chmodSync(path, 0o644);
    expect(problemOf(() => createNetworkFile(path).load())).toMatchObject({
      code: "StateUnusable",
      hint: `chmod 600 ${path}`,
    });
  });

  test("is not read through a link, and a save puts a file where the link was", () => {
    const file = createNetworkFile(path);
    file.save(sample);
    const elsewhere = join(directory, "elsewhere");
    renameSync(path, elsewhere);
    symlinkSync(elsewhere, path);
    expect(problemOf(() => file.load()).code).toBe("StateUnusable");
    const before = readFileSync(elsewhere, "utf8");
    file.save({ ...sample, earlier: [] });
    expect(readFileSync(elsewhere, "utf8")).toBe(before);
    expect(file.load()?.earlier).toEqual([]);
  });

  test.each([
    ["an empty file", ""],
    ["half a file", `{"version":1,"network":"${secret}`],
    ["a list", "[]"],
    ["another id", changed({ network: "x" })],
    ["no epoch", changed({ epoch: undefined })],
    ["a negative epoch", changed({ epoch: { number: -1, secret } })],
    ["a secret with a line break", changed({ epoch: { number: 1, secret: "a\nb" } })],
    ["a statement that is no base64url", changed({ statements: ["=="] })],
    ["a statement that is none", changed({ statements: [7] })],
    ["an endpoint that is a name", changed({ bootstrap: [{ ...sample.bootstrap[0], endpoints: ["evil.example:1"] }] })],
  ])("with %s is an error that says what to do and holds no secret; the file stays", (_, text) => {
    createNetworkFile(path).save(sample);
    writeFileSync(path, text);
    const problem = problemOf(() => createNetworkFile(path).load());
    expect(problem.code).toBe("StateUnusable");
    expect(problem.hint).toContain("restore it from a backup");
    expect(JSON.stringify([problem.message, String(problem.cause)])).not.toContain(secret);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("of a newer homie is not touched", () => {
    createNetworkFile(path).save(sample);
    writeFileSync(path, changed({ version: 2 }));
    expect(problemOf(() => createNetworkFile(path).load()).message).toContain("newer homie");
  });

  test("is not replaced by what could not be read again", () => {
    const file = createNetworkFile(path);
    file.save(sample);
    expect(problemOf(() => file.save({ ...sample, network: "x" })).code).toBe("StateUnusable");
    expect(file.load()?.network).toBe(network);
  });
});

test("a pending join request is kept in a file of its own until it is answered", () => {
  const file = createJoinFile(join(directory, "network", "join.json"));
  const { text: request, oneTimeKey } = createJoinRequest(raj.record, "raj");
  file.save({ request, oneTimeKey });
  expect(file.load()).toEqual({ version: 1, request, oneTimeKey });
  file.remove();
  expect(existsSync(join(directory, "network", "join.json"))).toBe(false);
});

function changed(changes: object): string {
  return JSON.stringify({ version: 1, ...sample, ...changes });
}

function problemOf(step: () => unknown): HomieError {
  try {
    step();
  } catch (error) {
    if (error instanceof HomieError) return error;
  }
  throw new Error("no HomieError was thrown");
}
