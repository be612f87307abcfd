import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadIdentity } from "../../../src/adapters/identity/identity-file.ts";
import { isSpent, retireIdentity, spendIdentity } from "../../../src/adapters/identity/spent-identity.ts";

describe("keys that have left a network", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "homie-spent-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("stay until the next start, which puts them aside and makes others", () => {
    const path = join(directory, "identity.json");
    const before = loadIdentity(path).nodeId;
    expect(retireIdentity(path)).toBeUndefined();
    spendIdentity(path);
    expect(isSpent(path)).toBe(true);
    expect(loadIdentity(path).nodeId).toBe(before);
    expect(retireIdentity(path)).toBe(before);
    expect(isSpent(path)).toBe(false);
    expect(loadIdentity(path).nodeId).not.toBe(before);
    expect(loadIdentity(join(directory, `identity-${before}.json`)).nodeId).toBe(before);
  });

  test("that were put aside by a start that was then cut off are not put aside twice", () => {
    const path = join(directory, "identity.json");
    spendIdentity(path);
    expect(retireIdentity(path)).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
  });
});
