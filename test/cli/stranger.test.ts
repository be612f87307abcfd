import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

describe("a socket that is held by something that is no homie", () => {
  const home = mkdtempSync(join(tmpdir(), "homie-stranger-"));
  let stranger: Server;

  beforeAll(async () => {
    mkdirSync(join(home, "run"));
    stranger = createServer((_, response) => response.end("hello\n"));
    await new Promise<void>((resolve) => void stranger.listen(join(home, "run", "homie.sock"), resolve));
  });
  afterAll(async () => {
    await new Promise<void>((resolve) => void stranger.close(() => resolve()));
    rmSync(home, { recursive: true, force: true });
  });

  it.each([["logs job/x"], ["logs -f job/x"], ["get jobs"], ["get jobs -w"], ["get job x -w"], ["status"]])(
    "%s fails at once and says so",
    async (line) => {
      const { code, stdout, stderr } = await homie(line.split(" "));
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^error: the daemon's answer makes no sense\nhint: .*another program holds its socket/);
    },
  );

  function homie(args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
    const env = { ...process.env, HOMIE_HOME: home, NO_COLOR: "1" };
    return new Promise((resolve) => {
      execFile(process.execPath, [entry, ...args], { env, timeout: 50_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : error.code, stdout, stderr });
      });
    });
  }
});
