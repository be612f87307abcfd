import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { serveApi } from "../../src/api/serve.ts";
import type { MeshOperations } from "../../src/api/ports.ts";
import { runCli } from "../../src/cli/run-cli.ts";
import { openTestHome } from "../api/support.ts";
import { fakeTerminal } from "./fakes.ts";
import type { FakeTerminal } from "./fakes.ts";

export interface MeshHome {
  readonly home: string;
  /** Runs one command line; the terminal is a new one each time. */
  run(argv: readonly string[], setting?: Setting): Promise<Finished>;
}
export interface Setting {
  /** Somebody sits there, before 80 columns, and answers these, one after the other. */
  readonly answers?: readonly string[];
  readonly stdin?: string;
  /** Called with the terminal before the command starts, for tests that press Ctrl-C later. */
  readonly meet?: (terminal: FakeTerminal) => void;
}
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly questions: readonly string[];
}

/** A daemon's API on a socket of its own, with the store of a daemon and this mesh. */
export async function openMeshHome(mesh: MeshOperations | undefined): Promise<MeshHome> {
  const home = mkdtempSync(join(tmpdir(), "homie-mesh-"));
  mkdirSync(join(home, "run"));
  const { api } = openTestHome({}, undefined, { mesh });
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const { signal } = new AbortController();
  const server = await serveApi({ api, socketPath: join(home, "run", "homie.sock"), signal, log: silent });
  onTestFinished(async () => {
    await server.close();
    rmSync(home, { recursive: true, force: true });
  });
  return { home, run: async (argv, setting) => await runIn(home, argv, setting) };
}

/** A home whose daemon does not run. */
export function openStoppedHome(): MeshHome {
  const home = mkdtempSync(join(tmpdir(), "homie-mesh-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return { home, run: async (argv, setting) => await runIn(home, argv, setting) };
}

async function runIn(home: string, argv: readonly string[], setting: Setting = {}): Promise<Finished> {
  const { answers, stdin, meet } = setting;
  const questions: string[] = [];
  const left = [...(answers ?? [])];
  const terminal = fakeTerminal({
    env: { HOMIE_HOME: home, NO_COLOR: "1" },
    ...(stdin === undefined ? {} : { stdin }),
    ...(answers === undefined ? {} : { isTty: true, columns: 80 }),
    answer: async (question) => {
      questions.push(question);
      return left.shift();
    },
  });
  meet?.(terminal);
  const composition = async (): Promise<never> => await Promise.reject(new Error("the mesh needs the daemon"));
  const code = await runCli(argv, { terminal, composition, mainFile: "/nowhere/main.ts" });
  return { code, stdout: terminal.stdout(), stderr: terminal.stderr(), questions };
}
