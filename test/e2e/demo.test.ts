import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startEngine, whyNoEngine, type TestEngine } from "../support/engine.ts";

const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const noEngine = "unix:///nonexistent/docker.sock";
const refusal = await whyNoEngine();

interface Show {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly code: Promise<number | null>;
}

describe("homie demo", () => {
  // Short: a socket's path below it has to fit.
  const temporary = mkdtempSync(join(tmpdir(), "hd-"));
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));
  afterEach(() => {
    expect(readdirSync(temporary)).toEqual([]);
    expect(daemonsBelow(temporary)).toEqual([]);
  });

  function start(env: NodeJS.ProcessEnv, args: readonly string[] = []): Show {
    const child = spawn(process.execPath, [entry, "demo", ...args], {
      env: { ...process.env, TMPDIR: temporary, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    const code = new Promise<number | null>((resolve) => child.once("close", resolve));
    return { child, text: () => text, code };
  }

  async function stopAt(show: Show, words: string, signal: "SIGINT" | "SIGTERM"): Promise<number | null> {
    await expect.poll(show.text, { timeout: 60_000, interval: 20 }).toContain(words);
    show.child.kill(signal);
    return show.code;
  }

  test("without an engine, alice's job runs at bob's as a process, and its files come home", async () => {
    const show = start({ DOCKER_HOST: noEngine });
    expect(await show.code, show.text()).toBe(0);
    expect(show.text()).toContain("not in a container");
    expect(show.text()).toMatch(/^bob +127\.0\.0\.1 .* Online$/m);
    expect(show.text()).toContain("[bob] Hello Ada, line 3 of 3\n");
    expect(show.text()).toMatch(/alice +InsufficientCpu +0\.5 +250m/);
    expect(show.text()).toMatch(/ {2}greeting\.txt {2}36 bytes {2}sha256 44daa0af6c7ba5da/);
    expect(show.text()).toContain("are gone.\n");
  });

  test("for scripts it prints one document", async () => {
    const show = start({ DOCKER_HOST: noEngine }, ["-o", "json"]);
    expect(await show.code, show.text()).toBe(0);
    expect(JSON.parse(show.text())).toMatchObject({
      peer: "bob",
      runtime: "process",
      rejected: [{ peer: "alice", reason: "InsufficientCpu" }],
      files: [{ path: "greeting.txt", bytes: 36 }, { path: "report.json" }],
    });
  });

  test("Ctrl-C in the middle of the job leaves nothing behind", async () => {
    const show = start({ DOCKER_HOST: noEngine });
    expect(await stopAt(show, "[bob] Hello Ada, line 1", "SIGINT")).toBe(130);
    expect(show.text()).toContain("Stopped. Tidying up");
  });

  test("stopped while a daemon starts it leaves nothing behind", async () => {
    expect(await stopAt(start({ DOCKER_HOST: noEngine }), "alice$ homie up", "SIGTERM")).toBe(143);
  });

  test("a reader that goes away leaves nothing behind", async () => {
    const show = start({ DOCKER_HOST: noEngine });
    await expect.poll(show.text, { timeout: 60_000, interval: 20 }).toContain("bob$ homie up");
    show.child.stdout?.destroy();
    await show.code;
  });

  test("what fails is said, with what the daemon said of it, and nothing stays", async () => {
    const long = mkdtempSync(join(temporary, "x".repeat(100)));
    const show = start({ DOCKER_HOST: noEngine, TMPDIR: long });
    expect(await show.code).toBe(1);
    expect(show.text()).toContain("cannot open the socket");
    expect(show.text()).toContain("error: the daemon of alice does not start\n");
    expect(readdirSync(long)).toEqual([]);
    rmSync(long, { recursive: true });
  });

  describe.skipIf(refusal !== undefined)(`on an engine${refusal === undefined ? "" : ` (skipped: ${refusal})`}`, () => {
    let engine: TestEngine;
    beforeAll(async () => void (engine = await startEngine()));
    afterAll(async () => engine?.stop());
    const onEngine = async (): Promise<readonly string[]> => {
      const images = (await engine.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
      const containers = await engine.docker.listContainers({ all: true });
      const { Volumes } = await engine.docker.listVolumes();
      return [
        ...images,
        ...containers.flatMap(({ Names }) => Names),
        ...(Volumes ?? []).map(({ Name }) => Name),
      ].toSorted();
    };

    test("the job runs in a container at bob's, and engine and images are as before", async () => {
      const before = await onEngine();
      const show = start({ DOCKER_HOST: engine.host }, ["-o", "json"]);
      expect(await show.code, show.text()).toBe(0);
      expect(JSON.parse(show.text())).toMatchObject({ peer: "bob", runtime: "docker" });
      expect(await onEngine()).toEqual(before);
    });

    test("Ctrl-C in the middle of the job takes container, volume and image away", async () => {
      const before = await onEngine();
      const show = start({ DOCKER_HOST: engine.host });
      expect(await stopAt(show, "[bob] Hello Ada, line 1", "SIGINT")).toBe(130);
      expect(show.text()).toContain("in a hardened container");
      expect(await onEngine()).toEqual(before);
    });
  });
});

/** Command lines of processes that have this directory in them. */
function daemonsBelow(directory: string): readonly string[] {
  const commands = readdirSync("/proc").flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")] : [];
    } catch {
      return []; // it ended meanwhile
    }
  });
  return commands.filter((command) => command.includes(directory));
}
